import pytest

from experiments.services.learning import ranking
from experiments.services.learning.jobs import JobFailedError
from ml import predict


@pytest.mark.django_db
def test_rank_without_a_predictor_is_an_answer_and_not_a_failure():
    request = {"wordings": ["Go", "Try"], "control": "Send", "locale": "en", "audience": ""}
    result = ranking.rank_in_job(request, lambda *_: None)
    assert result["refusal"]["code"] == "no_predictor"


@pytest.mark.django_db
def test_rank_with_a_damaged_predictor_says_so(monkeypatch):
    def damaged(*_, **__):
        raise predict.PredictorError("damaged", {"detail": "checksum"})

    monkeypatch.setattr(predict, "rank_wordings", damaged)
    request = {"wordings": ["Go"], "control": "Send", "locale": "en", "audience": ""}
    with pytest.raises(JobFailedError, match="checksum"):
        ranking.rank_in_job(request, lambda *_: None)
