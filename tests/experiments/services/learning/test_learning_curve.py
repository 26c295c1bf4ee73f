import pytest

from experiments.models import Job
from experiments.services.learning import training
from experiments.services.learning.jobs import AlreadyTrainingError, JobFailedError, create_job
from experiments.services.learning.learning_curve import REQUEST, curve_in_words, measure_curve
from ml import predict
from tests.factories import NOW

ESTIMATE = {"value": 0.02, "low": 0.01, "high": 0.03}
FOUND = {
    "groups": 520,
    "splits": 4,
    "curves": {"tfidf": [{"groups": 400, "accuracy": {"value": 0.6, "low": 0.5, "high": 0.7}}]},
    "growth": {"tfidf": {"sizes": [100, 200, 400], "per_doubling": ESTIMATE}},
}


@pytest.fixture
def measured(monkeypatch):
    """What was asked of the predictor, whose strategy in use is TF-IDF."""
    asked = []

    def curves(rows, *, strategies, progress):
        progress(0.5)
        asked.append(strategies)
        return FOUND

    monkeypatch.setattr(predict, "active_summary", lambda: {"strategy": "tfidf"})
    monkeypatch.setattr(predict, "learning_curves", curves)
    monkeypatch.setattr(predict, "keep_learning_curves", lambda found, *, now: asked.append(found))
    return asked


def test_curve_of_the_strategy_in_use_is_measured_kept_and_said(measured):
    reports = []
    result = training.train(REQUEST, lambda *news: reports.append(news))
    assert measured == [["tfidf"], FOUND]
    assert reports == [(0.5, "Learning curve")]
    words = curve_in_words(result)
    assert "170 more tests would bring about +1 point" in words["sentences"][0]
    assert words["rows"] == [("400", "60.0%", "50.0% to 70.0%")]


def test_without_a_predictor_the_job_says_so(monkeypatch):
    monkeypatch.setattr(predict, "active_summary", lambda: None)
    with pytest.raises(JobFailedError, match="No predictor is in use"):
        measure_curve(lambda *_: None)


def test_failure_that_is_expected_is_the_job_s_message(measured, monkeypatch):
    def fails(*_, **__):
        raise predict.PredictorError("no_predictor", {})

    monkeypatch.setattr(predict, "learning_curves", fails)
    with pytest.raises(JobFailedError):
        measure_curve(lambda *_: None)


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [(REQUEST, {}), ({}, REQUEST), (REQUEST, REQUEST)], ids=str)
def test_never_twice_at_once_nor_beside_a_training(asked):
    first, second = asked
    job = create_job(kind=Job.Kind.TRAINING, request=first, by=None, now=NOW)
    assert job.is_curve == (first is REQUEST)
    Job.objects.update(created_at="2126-01-01T00:00:00Z")
    with pytest.raises(AlreadyTrainingError):
        create_job(kind=Job.Kind.TRAINING, request=second, by=None, now=NOW)
