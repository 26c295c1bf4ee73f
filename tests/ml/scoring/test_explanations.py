import numpy as np
import pytest

from ml.scoring.explanations import MAX_WORDS, check_deletion, explain, split_words

WEIGHTS = {"free": 0.5, "guide": 0.2, "submit": -0.4}


def additive(texts):
    """A score to which every word adds its own weight."""
    return np.array([sum(WEIGHTS.get(word, 0.0) for word in text.split()) for text in texts])


def test_effects_of_an_additive_score_are_its_weights():
    (effects,) = explain(["get free guide"], additive)
    assert [each.effect for each in effects] == pytest.approx([0.0, 0.5, 0.2])


def test_scores_are_asked_for_once():
    calls = []

    def counted(texts):
        calls.append(len(texts))
        return additive(texts)

    explain(["get free guide", "submit", "free guide"], counted)
    assert calls == [3 + 5]


@pytest.mark.parametrize("text", ["free", "", " ".join(["free"] * (MAX_WORDS + 1))])
def test_text_of_one_word_or_very_many_is_not_explained(text):
    assert explain([text], additive) == [()]


def test_lone_marks_belong_to_their_word():
    assert split_words("Prêt ? Essayez → ici") == ["Prêt ?", "Essayez →", "ici"]


def wordings(count=60):
    rng = np.random.default_rng(5)
    words = [*WEIGHTS, "one", "two", "three", "four", "five"]
    return [" ".join(rng.permutation(words)[:6]) for _ in range(count)]


def test_faithful_explanations_pass_the_deletion_check():
    check = check_deletion(wordings(), additive, rng=np.random.default_rng(1))
    assert check.wordings == 60
    assert check.named > check.random
    assert check.low > 0


def test_score_that_ignores_words_fails_the_deletion_check():
    rng = np.random.default_rng(2)
    check = check_deletion(
        wordings(), lambda texts: rng.normal(size=len(texts)), rng=np.random.default_rng(1)
    )
    assert check.low < 0 < check.high


def test_too_few_words_cannot_be_checked():
    assert check_deletion(["get it", "go"], additive, rng=np.random.default_rng(1)) is None
