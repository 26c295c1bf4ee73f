import subprocess
import sys
from datetime import UTC, datetime

import pytest
from django.utils import translation

from ml import predict
from ml.errors import FitError
from ml.models import PredictorVersion
from ml.predict import PredictorError
from ml.presentation.messages import SENTENCES, sentence
from tests.ml.factories import learnable_rows

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_training_stores_and_serves_what_passed(model_dir):
    told = []
    found = predict.train(learnable_rows(40), now=NOW, progress=lambda *args: told.append(args))
    assert (found["number"], found["status"], found["strategy"]) == (1, "active", "tfidf")
    version = PredictorVersion.objects.get()
    assert version.manifest == found["manifest"]
    assert (model_dir / version.artifact / "manifest.json").exists()
    assert told[-1] == (1.0, "fast_parts")
    assert predict.rank_wordings(predict.RankingRequest(wordings=("free x",)))["predictor"] == 1


def test_refused_training_leaves_the_active_version(active):
    found = predict.train(learnable_rows(40, gain=0.0), now=NOW)
    assert (found["number"], found["status"], found["strategy"]) == (2, "rejected", None)
    assert predict.active_summary()["number"] == 1


def test_too_little_history_leaves_everything_alone(active, model_dir):
    before = sorted(model_dir.iterdir())
    with pytest.raises(PredictorError, match="3 tests with two wordings and a click, at least 20"):
        predict.train(learnable_rows(3), now=NOW)
    assert sorted(model_dir.iterdir()) == before
    assert PredictorVersion.objects.count() == 1


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


def test_scores_are_plain_and_complete(active):
    found = predict.rank_wordings(
        predict.RankingRequest.from_fields(
            {
                "wordings": ["free thing1"],
                "control": "plain thing1",
                "locale": "en",
                "audience": "new",
            }
        )
    )
    assert (found["predictor"], found["strategy"], found["refusal"]) == (1, "tfidf", None)
    control, wording = found["wordings"]
    assert control["is_control"]
    assert wording["rank"] == 1
    assert set(wording["lift"]) == {"expected", "low", "high"}
    assert {"text", "visitors", "clicks", "click_rate", "likeness"} <= set(wording["nearest"][0])
    assert predict.describe(found["notes"][0]).startswith("Held-out tests did not show that")


def test_without_a_predictor_there_is_no_prediction_and_a_reason(model_dir):
    found = predict.rank_wordings(predict.RankingRequest(wordings=("Buy now",), control="Buy"))
    assert (found["predictor"], found["strategy"]) == (None, None)
    assert [wording["text"] for wording in found["wordings"]] == ["Buy", "Buy now"]
    assert predict.describe(found["refusal"]).startswith("No prediction: no predictor is active")
    assert predict.active_summary() is None


def test_damaged_predictor_is_an_expected_failure(active, damage):
    damage(active)
    with pytest.raises(PredictorError, match=r"past\.json: the file is damaged"):
        predict.rank_wordings(predict.RankingRequest(wordings=("free thing1",)))


def test_evaluation_is_of_the_active_predictor(active):
    found = predict.evaluate(learnable_rows(30, seed=4, locale="en"))
    assert (found["predictor"], found["strategy"], found["groups"]) == (1, "tfidf", 30)
    assert found["metrics"]["accuracy_all"]["value"] > 0.8


def test_evaluation_without_predictor_or_tests_is_refused(add_version):
    with pytest.raises(PredictorError, match="no predictor is active"):
        predict.evaluate([])
    add_version()
    with pytest.raises(PredictorError, match="There is no past test to evaluate on"):
        predict.evaluate([])


def test_summary_shows_the_strategy_that_is_served(active):
    summary = predict.active_summary()
    assert summary["metrics"] == active.manifest["metrics"]["tfidf"]
    assert summary["data"]["groups"] == 60


def test_new_contrasts_are_counted_against_the_last_training(active):
    trained_on = active.manifest["data"]["groups"]
    assert predict.new_contrasts(learnable_rows(trained_on + 7)) == 7
    assert predict.new_contrasts(learnable_rows(trained_on)) == 0


def test_new_contrasts_are_none_while_there_are_too_few_to_train(db):
    assert predict.new_contrasts(learnable_rows(19)) == 0
    assert predict.new_contrasts(learnable_rows(20)) == 20


def test_roll_back_brings_the_earlier_version_back(add_version):
    add_version(), add_version()
    assert predict.roll_back(1)
    assert predict.active_summary()["number"] == 1
    assert not predict.roll_back(1)


def test_roll_back_to_damaged_files_leaves_the_active_version(add_version, damage):
    first = add_version()
    add_version()
    damage(first)
    with pytest.raises(PredictorError, match="the file is damaged"):
        predict.roll_back(1)
    assert predict.active_summary()["number"] == 2


def test_archive_comes_from_the_configured_source(settings):
    settings.CTAOPT_HISTORY_SOURCE = "tests.ml.factories.learnable_rows"
    assert len(list(predict.archived_rows())) == 180


@pytest.mark.parametrize("code", SENTENCES)
def test_every_sentence_can_be_filled_in(code):
    names = ["tests", "locale", "needed", "limit", "unseen", "locales", "audience", "found"]
    names += ["detail", "suspect", "borrowed", "form", "placement"]
    filled = sentence(code, dict.fromkeys(names, 7))
    assert "%(" not in filled
    assert "%%" not in filled


def test_sentences_follow_the_language_of_the_reader():
    with translation.override("fr"):
        # Looked up when it is shown, not when the module was imported.
        assert str(SENTENCES["empty"]) == translation.gettext(
            "No prediction: the wording is empty."
        )


def test_importing_the_facade_loads_no_torch():
    code = (
        "import django, sys; django.setup(); import ml.predict, ml.admin; "
        "ml.predict.describe({'code': 'empty', 'params': {}}); "
        "ml.predict.inspect('Go', locale='en'); ml.predict.measure_principles([]); "
        "loaded = {'torch', 'sklearn', 'sentence_transformers'} & set(sys.modules); "
        "sys.exit(str(loaded) if loaded else 0)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "ctaopt.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
