import numpy as np
import pytest

from ml.language.transfer import (
    MIN_AGREEMENT,
    language_of,
    language_shift,
    main_language,
    measure_transfer,
    other_language,
    parallel_wordings,
    shifted,
)

WORDINGS = parallel_wordings()
TWINS = {text: at for texts in WORDINGS.values() for at, text in enumerate(texts)}
N = len(WORDINGS["en"])


class Bilingual:
    """Vectors of the meaning, the same in both languages, on a direction of the language."""

    def __init__(self, *, reads=True, slope=1.0):
        rng = np.random.default_rng(1)
        self.meaning = rng.normal(size=(N, 8))
        self.strange = rng.permutation(N)
        self.weights = rng.normal(size=8)
        self.reads, self.slope = reads, slope

    def represent(self, texts):
        rows = np.array([[*self._meaning(text), 4.0 * (text in WORDINGS["fr"])] for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def score(self, texts):
        scores = np.array([self._meaning(text) @ self.weights for text in texts])
        french = np.array([text in WORDINGS["fr"] for text in texts])
        return np.where(french, scores / self.slope + 3, scores)

    def _meaning(self, text):
        at = TWINS[text]
        return self.meaning[at if self.reads or text in WORDINGS["en"] else self.strange[at]]


def measured(model, main="en"):
    return measure_transfer(
        model.score,
        model.represent,
        model.represent(WORDINGS[main]),
        main=main,
        other=other_language(main),
        rng=np.random.default_rng(1),
    )


@pytest.mark.parametrize("main", ["en", "fr"])
def test_encoder_that_reads_both_carries_everything_over(main):
    transfer = measured(Bilingual(), main)
    assert (transfer.agreement, transfer.agreement_low, transfer.holds) == (1.0, 1.0, True)
    assert transfer.slope == pytest.approx(1.0)


def test_encoder_that_does_not_read_the_other_carries_nothing_over():
    transfer = measured(Bilingual(reads=False))
    assert transfer.agreement_low < MIN_AGREEMENT
    assert not transfer.holds
    assert transfer.slope < 0.3


def test_scores_are_brought_to_the_scale_and_level_of_the_main_language():
    model = Bilingual(slope=0.5)
    transfer = measured(model)
    assert transfer.slope == pytest.approx(0.5)
    found = transfer.as_main(model.score(WORDINGS["fr"]))
    np.testing.assert_allclose(found, model.score(WORDINGS["en"]), atol=1e-9)


def test_shift_brings_translations_nearer_and_the_allowance_is_small():
    model = Bilingual()
    english, french = (model.represent(WORDINGS[tag]) for tag in ("en", "fr"))
    moved = shifted(french, language_shift(model.represent, main="en", other="fr"))
    assert (moved * english).sum(1).mean() > (french * english).sum(1).mean() + 0.2
    assert 0 <= measured(model).allowance < 0.3


def test_scores_without_any_difference_are_refused():
    model = Bilingual()
    model.weights = np.zeros(8)
    transfer = measured(model)
    assert (transfer.slope, transfer.holds) == (0.0, False)


def test_both_sides_are_complete_and_in_their_language():
    assert len(set(WORDINGS["en"])) == len(set(WORDINGS["fr"])) == N >= 100
    found = [language_of(text, "") for text in WORDINGS["fr"]]
    assert found.count("en") <= 1


@pytest.mark.parametrize(
    ("wordings", "expected"),
    [([], ""), ([("", "Xyz")], ""), ([("de", "Go"), ("de", "Hin"), ("en", "Try")], "de")],
)
def test_main_language_is_that_of_most_wordings(wordings, expected):
    assert main_language(wordings) == expected


def test_language_outside_the_pair_is_not_measured():
    assert other_language("de") is None
    assert other_language("") is None
