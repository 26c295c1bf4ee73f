import pytest

from ml.errors import TooLittleHistoryError
from ml.presentation.predictor_charts import learning_curve_picture
from ml.training.history_learning_curves import learning_curves
from tests.ml.factories import HashEncoder, KnowingEncoder, learnable_rows


def measure(rows, *strategies, encoder, progress=lambda _: None):
    return learning_curves(
        rows, encoder=encoder, strategies=strategies, n_splits=1, seed=1, progress=progress
    )


def test_pretraining_saves_tests_against_plain_words():
    fractions = []
    rows = learnable_rows(60, own_words=True)
    found = measure(rows, "frozen_head", encoder=KnowingEncoder(), progress=fractions.append)
    assert (found["groups"], found["splits"]) == (60, 1)
    assert list(found["curves"]) == ["no_text", "tfidf", "frozen_head"]
    assert list(found["data_saving"]) == ["frozen_head"]
    assert found["data_saving"]["frozen_head"]["ratio"]["value"] > 1
    drawn = learning_curve_picture(found["curves"])["rows"]
    assert len({row["series"] for row in drawn}) == 3
    assert fractions[-1] == pytest.approx(1)


def test_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="'magic' is none of"):
        measure(learnable_rows(40), "magic", encoder=HashEncoder())


def test_history_that_is_too_small_is_refused():
    with pytest.raises(TooLittleHistoryError):
        measure(learnable_rows(5), encoder=HashEncoder())
