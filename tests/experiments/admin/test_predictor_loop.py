"""From past tests to a ranking, through the pages a marketer uses and the tasks behind them."""

from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from experiments.models import HistoryArm, Job, Notice
from ml.models import PredictorVersion
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


def test_learning_curve_is_measured_by_a_button_and_shown_with_its_predictor(
    admin_client, past_tests, django_capture_on_commit_callbacks
):
    capture = django_capture_on_commit_callbacks
    train = reverse("admin:experiments_job_train")
    done(admin_client, train, {}, capture)
    version = reverse("admin:ml_predictorversion_change", args=[PredictorVersion.objects.get().pk])
    page = admin_client.get(version).content.decode()
    assert "Not measured yet." in page
    assert "Measure what more past tests would bring" in page

    shown = done(admin_client, train, {"only": "learning_curve"}, capture)
    assert "<h1>Learning curve</h1>" in shown
    assert "Measured on 40 past contrasts" in shown
    assert "Past contrasts learned from" in shown
    page = admin_client.get(version).content.decode()
    assert "Measured on 40 past contrasts" in page
    assert "Accuracy by the number of past contrasts" in page
    # It made no predictor, and nobody is told that a training has finished.
    assert PredictorVersion.objects.count() == 1
    assert Notice.objects.filter(kind="trained").count() == 1
    listed = admin_client.get(reverse("admin:experiments_job_changelist")).content.decode()
    assert f">Learning curve {Job.objects.latest('pk').pk}</a>" in listed


def test_training_on_too_little_history_says_so(
    admin_client, site, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(reverse("admin:experiments_job_train"))
    job = Job.objects.get()
    page = admin_client.get(reverse("admin:experiments_job_watch", args=[job.pk]))
    assert "Too little history" in page.content.decode()


def in_use(**changes):
    """What the page of a ranking is told of the predictor in use."""
    estimate = {"value": 0.64, "low": 0.62, "high": 0.66}
    later = {"groups": 540, "metrics": {"accuracy_all": estimate | {"value": 0.61}}}
    predictor = {
        "number": 3,
        "strategy_name": "Stack",
        "data": {"groups": 1432, "median_words": 15.0},
        "later": later,
    }
    context = {"predictor": predictor | changes, "accuracy": estimate}
    return " ".join(render_to_string("admin/experiments/rank_predictor.html", context).split())


def test_page_of_a_ranking_says_what_later_tests_showed():
    text = in_use()
    assert "On 540 later tests, which no choice had seen, it did so in 61.0%" in text
    assert "later tests" not in in_use(later=None)


def test_page_of_a_ranking_says_that_short_wordings_are_not_measured():
    assert "It learned from wordings of about 15 words." in in_use()
    assert "learned from wordings" not in in_use(data={"groups": 90, "median_words": 3.0})
    assert "learned from wordings" not in in_use(data={"groups": 90})
