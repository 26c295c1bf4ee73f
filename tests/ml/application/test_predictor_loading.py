from datetime import UTC, datetime

import pytest

from ml import predict
from ml.errors import FitError
from ml.predict import PredictorError
from tests.ml.factories import learnable_rows

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_unusable_encoder_is_an_expected_failure(model_dir, settings):
    settings.CTAOPT_ENCODER = "nobody/nothing"
    with pytest.raises(
        PredictorError, match="The encoder cannot be used: encoder 'nobody/nothing'"
    ):
        predict.train(learnable_rows(30), now=NOW)


def test_unwritable_folder_is_an_expected_failure(model_dir, settings):
    model_dir.parent.joinpath("file").write_text("not a folder")
    settings.CTAOPT_MODEL_DIR = model_dir.parent / "file"
    with pytest.raises(PredictorError, match="The predictor cannot be stored"):
        predict.train(learnable_rows(30), now=NOW)


def test_processes_that_fail_together_are_an_expected_failure(active, monkeypatch):
    def fail(*_args, **_kwargs):
        raise FitError("4 processes: out of memory")

    monkeypatch.setattr("ml.training.pipeline.train", fail)
    with pytest.raises(
        PredictorError,
        match="The training failed, the predictor in use stays: 4 processes: out of memory",
    ):
        predict.train(learnable_rows(30), now=NOW)
    assert predict.active_summary()["number"] == 1


def test_damaged_predictor_is_an_expected_failure(active, damage):
    damage(active)
    with pytest.raises(PredictorError, match=r"past\.json: the file is damaged"):
        predict.rank_wordings(predict.RankingRequest(wordings=("free thing1",)))
