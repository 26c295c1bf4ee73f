import pytest
from django.utils import timezone

from experiments.models import Job
from experiments.services.learning import training
from experiments.services.learning.jobs import JobFailedError
from ml import predict


@pytest.mark.django_db
def test_train_on_an_empty_archive_says_what_is_missing(settings, tmp_path, monkeypatch):
    settings.CTAOPT_MODEL_DIR = tmp_path
    with pytest.raises(JobFailedError, match="Too little history"):
        training.train({}, lambda *_: None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("new", "enough", "asked"),
    [(10, 10, 1), (9, 10, 0), (0, 10, 0), (10, 0, 0)],
    ids=["enough", "too few", "none", "switched off"],
)
def test_training_of_its_own_accord_waits_for_enough_new_tests(
    settings, monkeypatch, new, enough, asked
):
    settings.CTAOPT_RETRAIN_AFTER_TESTS = enough
    monkeypatch.setattr(predict, "new_contrasts", lambda rows: new)
    job = training.start_due_training(now=timezone.now())
    assert Job.objects.filter(kind="training", created_by=None).count() == asked
    assert (job is not None) == bool(asked)


@pytest.mark.django_db
def test_training_of_its_own_accord_leaves_a_running_one_alone(monkeypatch):
    monkeypatch.setattr(predict, "new_contrasts", lambda rows: 50)
    assert training.start_due_training(now=timezone.now()) is not None
    assert training.start_due_training(now=timezone.now()) is None
    assert Job.objects.count() == 1
