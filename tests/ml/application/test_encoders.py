import shutil

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ml import predict
from ml.application.predictor_loading import encoder_dir, scorer, training_encoders
from ml.encoders.installed import model_folder
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import EncoderMissingError
from ml.models import PredictorVersion
from ml.predict import PredictorError, RankingRequest
from ml.registry import promote_version, register_version
from ml.training.options import Choices
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import learnable_rows, train_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def installed(settings, model_dir, tmp_path):
    """The tiny encoder, installed under the name `own`; none is configured."""
    source = tmp_path / "own"
    shutil.copytree(TINY_ENCODER, source)
    settings.CTAOPT_ENCODER = ""
    return predict.install_encoder(predict.plan_encoder(str(source)))


@pytest.fixture(scope="module")
def frozen_predictor(tmp_path_factory):
    """Folder and result of a predictor that needs its encoder for every answer."""
    folder = tmp_path_factory.mktemp("frozen") / "p1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml.training.pipeline.add_fast_parts", lambda artifact, *_, **__: artifact)
        encoder = load_encoder(str(TINY_ENCODER), name="own")
        choices = Choices(strategies=("frozen_head",))
        return folder, train_in(folder, learnable_rows(), encoder=encoder, choices=choices)


@pytest.fixture
def needing(installed, model_dir, frozen_predictor):
    """A predictor in use that was trained on the installed encoder."""
    folder, result = frozen_predictor
    shutil.copytree(folder, model_dir / "p1")
    register_version(
        strategy=result.served, artifact="p1", manifest=result.manifest, now=timezone.now()
    )
    promote_version(number=1)
    return PredictorVersion.objects.get()


def test_encoders_are_listed_with_the_predictors_that_need_them(installed, needing):
    packaged, own = predict.list_encoders()
    assert (packaged.about.key, packaged.is_packaged, packaged.predictors) == ("minilm", True, ())
    assert (own.about, own.predictors, own.active) == (installed, (needing.number,), needing.number)


def test_needed_encoder_is_not_removed(installed, needing):
    with pytest.raises(PredictorError, match="The encoder own stays: predictor 1 needs it"):
        predict.remove_encoder("own")
    assert scorer(needing).artifact.strategy == needing.strategy


def test_retired_predictor_does_not_keep_its_encoder(installed, needing, model_dir):
    needing.status = PredictorVersion.Status.RETIRED
    needing.save()
    cached = model_dir / "cache" / f"embeddings-{installed.fingerprint[:16]}.safetensors"
    cached.parent.mkdir()
    cached.touch()
    predict.remove_encoder("own")
    assert not cached.exists()
    assert [each.about.key for each in predict.list_encoders()] == ["minilm"]


@pytest.mark.parametrize("act", [predict.plan_encoder, predict.remove_encoder])
def test_packaged_encoder_is_neither_installed_nor_removed(settings, tmp_path, act):
    settings.CTAOPT_ENCODER_DIR = tmp_path
    with pytest.raises(PredictorError, match="The encoder minilm is part of the product"):
        act("minilm")


def test_predictor_is_answered_by_the_encoder_it_was_trained_on(installed, needing):
    answer = predict.rank_wordings(RankingRequest(wordings=("free thing1", "plain thing1")))
    assert answer["predictor"] == needing.number
    assert answer["refusal"] is None


def test_missing_encoder_is_an_abstention_with_its_reason(installed, needing):
    shutil.rmtree(encoder_dir() / "own")
    with pytest.raises(EncoderMissingError):
        scorer(needing)
    answer = predict.rank_wordings(RankingRequest(wordings=("free thing1", "plain thing1")))
    assert answer["predictor"] == needing.number
    assert predict.describe(answer["refusal"]) == (
        "No prediction: the encoder own, on which the predictor was trained, is not on this "
        "machine. Install it again (manage.py install_encoder), or train anew."
    )
    assert [each["score"] for each in answer["wordings"]] == [None, None]


def test_encoder_damaged_after_installation_is_one_sentence(installed, needing):
    weights = model_folder(encoder_dir(), "own") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(PredictorError, match="The encoder cannot be used"):
        predict.rank_wordings(RankingRequest(wordings=("free thing1", "plain thing1")))


def test_commands_refuse_in_one_line(settings, tmp_path):
    settings.CTAOPT_ENCODER_DIR = tmp_path
    with pytest.raises(CommandError, match="none of minilm, mpnet, e5-multilingual"):
        call_command("install_encoder", "unknown")
    with pytest.raises(CommandError, match="it is not installed"):
        call_command("remove_encoder", "mpnet")


def test_training_compares_what_is_installed_unless_one_is_configured(
    installed, settings, tmp_path
):
    names = [each.name for each in training_encoders(tmp_path)]
    assert names == ["all-MiniLM-L6-v2", "own"]
    settings.CTAOPT_ENCODER = "own"
    assert [each.name for each in training_encoders(tmp_path)] == ["own"]


def test_damaged_encoder_does_not_keep_the_others_from_training(installed, tmp_path, caplog):
    (model_folder(encoder_dir(), "own") / "config.json").write_text("{")
    assert [each.name for each in training_encoders(tmp_path)] == ["all-MiniLM-L6-v2"]
    assert "an installed encoder is left out: encoder 'own'" in caplog.text
