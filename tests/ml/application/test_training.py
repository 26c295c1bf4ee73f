from datetime import UTC, datetime

import pytest

from ml import predict
from ml.models import PredictorVersion
from ml.predict import PredictorError
from ml.training.options import Choices
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


TUNED_TOO = Choices(strategies=("tfidf", "frozen_layers", "fine_tuned"))


class KilledError(Exception):
    """A worker that is stopped."""


def in_use_when_tuning_began(**options):
    """Train with tuning and return what was in use when tuning began."""
    seen = []

    def look(_fraction, stage):
        if stage == "tuning" and not seen:
            seen.append(predict.active_summary())

    found = predict.train(learnable_rows(40), now=NOW, choices=TUNED_TOO, progress=look, **options)
    return found, seen


@pytest.mark.usefixtures("model_dir", "without_fast_copies")
def test_best_strategy_without_tuning_is_in_use_while_tuning_goes_on():
    found, (first,) = in_use_when_tuning_began()
    assert first["number"] == 1
    kept = PredictorVersion.objects.get(number=1)
    assert (kept.strategy, kept.status) == ("tfidf", "retired")
    assert set(kept.manifest["metrics"]) == {"no_text", "tfidf", "frozen_layers"}
    assert (found["number"], found["status"]) == (2, "active")
    assert set(found["manifest"]["metrics"]) == {*kept.manifest["metrics"], "fine_tuned"}


@pytest.mark.usefixtures("without_fast_copies")
def test_training_killed_while_it_tunes_leaves_the_first_predictor_in_use(model_dir):
    def kill(_fraction, stage):
        if stage == "tuning":
            raise KilledError

    for _ in range(2):
        with pytest.raises(KilledError):
            predict.train(learnable_rows(40), now=NOW, choices=TUNED_TOO, progress=kill)
    # The second attempt made the same, which is not stored twice.
    assert list(PredictorVersion.objects.values_list("number", "status")) == [(1, "active")]
    folders = [path for path in model_dir.iterdir() if path.name.startswith("predictor")]
    assert [path.name for path in folders] == [PredictorVersion.objects.get().artifact]
    assert predict.rank_wordings(predict.RankingRequest(wordings=("free x",)))["predictor"] == 1


@pytest.mark.usefixtures("without_fast_copies")
def test_tuned_predictor_in_use_is_not_replaced_by_an_untuned_one(active):
    PredictorVersion.objects.update(strategy="fine_tuned")
    found, seen = in_use_when_tuning_began()
    assert (found["number"], seen) == (2, [])


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
