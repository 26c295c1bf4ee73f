import pytest
from django.utils.translation import override

from ml.presentation.abstention_messages import abstention_sentences


def estimate(value):
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


def record(*, kept, later=True):
    rule = {
        "kept": kept,
        "limit": 0.4,
        "limit_tried": 0.4,
        "coverage": estimate(0.97),
        "accuracy_answered": estimate(0.64),
        "accuracy_refused": estimate(0.58),
        "gap": estimate(0.06),
    }
    return {**rule, "later": later, "rules": {"unseen_words": rule, "far_from_training": rule}}


def test_refusal_that_spares_errors_gives_its_figures():
    first, words, distance = abstention_sentences(record(kept=True))
    assert first == "Of the later tests 97.0% (95.0% to 99.0%) are answered."
    assert words.startswith("Wordings with more than 40% of new words are refused")
    assert "only 58.0% (56.0% to 60.0%)" in words
    assert "of the others 64.0%" in distance


def test_dropped_refusal_is_explained():
    _, words, distance = abstention_sentences(record(kept=False, later=False))
    assert words.startswith("New words are no reason to refuse")
    assert "below the largest measured (40%)" in words
    assert distance.startswith("Distance from past wordings is no reason to refuse")


@pytest.mark.parametrize("kept", [True, False])
def test_sentences_are_french_for_a_french_reader(kept):
    with override("fr"):
        first, words, distance = abstention_sentences(record(kept=kept))
    assert first.startswith("Parmi les tests suivants")
    assert "formulations" in words
    assert "formulation" in distance
