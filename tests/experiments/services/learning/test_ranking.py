import pytest
from django.utils import timezone

from experiments.models import Job
from experiments.services.learning import ranking, ranking_presentation, training
from experiments.services.learning.jobs import JobFailedError
from ml import predict

CONTROL = {
    "text": "Send",
    "is_control": True,
    "score": -0.1,
    "rank": 2,
    "chance": None,
    "lift": None,
    "refusal": None,
    "nearest": [],
}
RIVAL = {
    "text": "Get my guide",
    "is_control": False,
    "score": 0.1,
    "rank": 1,
    "chance": 0.61,
    "lift": {"expected": 0.1, "low": -0.2, "high": 0.5},
    "refusal": None,
    "nearest": [],
}
REFUSED = RIVAL | {
    "text": "<b>",
    "rank": None,
    "chance": None,
    "lift": None,
    "refusal": {"code": "html", "params": {}},
    "nearest": [],
}


def outcome(*wordings, refusal=None, notes=()):
    return {"predictor": 1, "wordings": wordings, "refusal": refusal, "notes": notes}


def test_ranking_is_shown_best_first_and_refused_last():
    shown = ranking_presentation.ranking_in_words(outcome(REFUSED, CONTROL, RIVAL))
    assert [row["text"] for row in shown["wordings"]] == ["Get my guide", "Send", "<b>"]
    assert shown["control"] == "Send"


def test_ranking_says_why_a_wording_has_no_prediction():
    shown = ranking_presentation.ranking_in_words(outcome(CONTROL, REFUSED))
    assert "HTML" in shown["wordings"][1]["reason"]


def test_ranking_says_why_there_is_none_at_all():
    refusal = {"code": "no_predictor", "params": {}}
    shown = ranking_presentation.ranking_in_words(outcome(refusal=refusal))
    assert "no predictor" in shown["no_prediction"]


@pytest.mark.django_db
def test_rank_without_a_predictor_is_an_answer_and_not_a_failure():
    request = {"wordings": ["Go", "Try"], "control": "Send", "locale": "en", "audience": ""}
    result = ranking.rank(request, lambda *_: None)
    assert result["refusal"]["code"] == "no_predictor"


@pytest.mark.django_db
def test_train_on_an_empty_archive_says_what_is_missing(settings, tmp_path, monkeypatch):
    settings.CTAOPT_MODEL_DIR = tmp_path
    with pytest.raises(JobFailedError, match="Too little history"):
        training.train({}, lambda *_: None)


@pytest.mark.django_db
def test_rank_with_a_damaged_predictor_says_so(monkeypatch):
    def damaged(*_, **__):
        raise predict.PredictorError("damaged", {"detail": "checksum"})

    monkeypatch.setattr(predict, "score", damaged)
    request = {"wordings": ["Go"], "control": "Send", "locale": "en", "audience": ""}
    with pytest.raises(JobFailedError, match="checksum"):
        ranking.rank(request, lambda *_: None)


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
