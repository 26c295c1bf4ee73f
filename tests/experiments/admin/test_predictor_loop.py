"""From past tests to a ranking, through the pages a marketer uses and the tasks behind them."""

from pathlib import Path

import pytest
from django.urls import reverse

from experiments.models import HistoryArm, Job
from ml.predict import active_summary
from tests.ml.factories import learnable_rows

TINY_ENCODER = Path(__file__).parents[2] / "data" / "tiny_encoder"
COLUMNS = ("test", "context", "text", "visitors", "clicks", "audience", "locale")


@pytest.fixture
def admin_client(admin_client, settings, tmp_path):
    """The owner's browser, with a folder of predictors and the tiny encoder."""
    settings.CTAOPT_MODEL_DIR = tmp_path
    settings.CTAOPT_ENCODER = str(TINY_ENCODER)
    return admin_client


@pytest.fixture
def past_tests(site):
    """An archive in which one word wins every time."""
    HistoryArm.objects.bulk_create(
        HistoryArm(site=site, digest=str(at), **{name: getattr(row, name) for name in COLUMNS})
        for at, row in enumerate(learnable_rows(40))
    )


def done(client, url, data, capture):
    """Post a form, let its task run, return the page of the job."""
    with capture(execute=True):
        client.post(url, data)
    job = Job.objects.order_by("pk").last()
    assert job.status == "done", job.message
    return client.get(reverse("admin:experiments_job_watch", args=[job.pk])).content.decode()


def test_predictor_is_trained_and_ranks_wordings(
    admin_client, past_tests, django_capture_on_commit_callbacks
):
    capture = django_capture_on_commit_callbacks
    page = done(admin_client, reverse("admin:experiments_job_train"), {}, capture)
    assert "Version 1 is in use" in page
    assert active_summary()["number"] == 1

    rank = reverse("admin:experiments_job_rank")
    assert "Version 1" in admin_client.get(rank).content.decode()
    form = {"control": "plain thing1", "wordings": "free thing1\n<b>bold</b>", "locale": "en"}
    page = done(admin_client, rank, form, capture)
    ranked = page.split("<tbody>")[1]
    assert ranked.index("free thing1") < ranked.index("plain thing1")
    assert "the wording contains HTML" in ranked


def test_training_on_too_little_history_says_so(
    admin_client, site, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(reverse("admin:experiments_job_train"))
    job = Job.objects.get()
    page = admin_client.get(reverse("admin:experiments_job_watch", args=[job.pk]))
    assert "Too little history" in page.content.decode()
