"""Transfer between languages: how a predictor learned in one answers in another.

Wordings that exist in both languages measure it: two of them should be preferred in the same order
whichever language they are in. Vectors of an encoder lie apart by language; the mean difference of
translations is taken off before a wording is compared with past ones in the other language.

Source: the shift between languages, Libovický, Rosa and Fraser (2020), "On the language neutrality
of pre-trained multilingual representations", Findings of EMNLP.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.language.lexicon import lexicon_for
from ml.language.locales import primary_tag

FOLDER = Path(__file__).parent
# The languages of the wordings that exist in both.
PAIR = ("en", "fr")
N_DRAWS = 1_000
# Below this the order in the other language is too often another one.
MIN_AGREEMENT = 2 / 3
# Translations may lie further from past wordings than their originals; nine in ten do not exceed
# the allowance.
ALLOWED_SHARE = 0.9

Represent = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageTransfer:
    """A predictor's answers in a language beside those in the language it learned from.

    Args:
        main: Tag of the language of most past tests.
        other: Tag of the other language.
        wordings: Number of wordings in both languages.
        agreement: Share of their pairs of which the same is preferred in both, in [0, 1].
        agreement_low: Lower end of its 90 % interval, by bootstrap over wordings.
        slope: Expected difference in the main language by that in the other, in [0, 1].
        main_level: Mean score in the main language.
        other_level: Mean score in the other.
        allowance: Extra distance from past wordings that a translation may have, >= 0.
    """

    # Stored; never rename.
    main: str
    other: str
    wordings: int
    agreement: float
    agreement_low: float
    slope: float
    main_level: float
    other_level: float
    allowance: float

    @property
    def holds(self) -> bool:
        """True if the predictor may answer in the other language."""
        return self.agreement_low >= MIN_AGREEMENT and self.slope > 0

    def as_main(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores that are expected of the same wordings in the main language.

        Args:
            scores: Scores in the other language, float64 (n,).
        """
        return self.main_level + self.slope * (scores - self.other_level)


@lru_cache
def parallel_wordings() -> dict[str, tuple[str, ...]]:
    """Return the same wordings in each language of the pair, by its tag.

    >>> wordings = parallel_wordings()
    >>> wordings["en"][0], wordings["fr"][0]
    ('Download the guide', 'Télécharger le guide')
    """
    content = tomllib.loads((FOLDER / "parallel.toml").read_text(encoding="utf-8"))
    return {tag: tuple(row[at] for row in content["wordings"]) for at, tag in enumerate(PAIR)}


def main_language(wordings: Sequence[tuple[str, str]]) -> str:
    """Return the language of most wordings; empty if none is stated or detected.

    Args:
        wordings: Language tag, which may be empty, and text of each.

    >>> main_language([("", "Voir la liste des prix"), ("fr-CA", "Go"), ("en", "Try")])
    'fr'
    """
    counts = Counter(language_of(text, locale) for locale, text in wordings)
    del counts[""]
    return counts.most_common(1)[0][0] if counts else ""


def language_of(text: str, locale: str) -> str:
    """Return the stated language of a wording, or that of its common words; empty if unknown.

    Args:
        text: A wording.
        locale: Language tag; may be empty.

    >>> language_of("Voir la liste des prix", ""), language_of("Anmelden", "")
    ('fr', '')
    """
    if locale:
        return primary_tag(locale)
    lexicon = lexicon_for(text, "")
    return lexicon.language if lexicon else ""


def other_language(main: str) -> str | None:
    """Return the language that can be measured beside one; None for one outside the pair.

    Args:
        main: Language tag.

    >>> other_language("fr"), other_language("de")
    ('en', None)
    """
    return next((tag for tag in PAIR if tag != main), None) if main in PAIR else None


def language_shift(represent: Represent, *, main: str, other: str) -> NDArray[np.float32]:
    """Return the mean vector of wordings in the main language less that in the other, (d,).

    Args:
        represent: Returns unit rows.
        main: Tag of the main language.
        other: Tag of the other.
    """
    wordings = parallel_wordings()
    means = (represent(wordings[tag]).mean(axis=0) for tag in (main, other))
    there, here = means
    return np.asarray(there - here, dtype=np.float32)


def shifted(rows: NDArray[np.float32], shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return unit rows moved from one language to the other, (n, d).

    Args:
        rows: Unit rows (n, d).
        shift: From `language_shift`, (d,).

    >>> shifted(np.array([[1.0, 0.0]], np.float32), np.array([-1.0, 2.0], np.float32))
    array([[0., 1.]], dtype=float32)
    """
    moved = rows + shift
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)


def measure_transfer(
    score: Callable[[Sequence[str]], NDArray[np.float64]],
    represent: Represent,
    past: NDArray[np.float32],
    *,
    main: str,
    other: str,
    rng: np.random.Generator,
) -> LanguageTransfer:
    """Measure how a predictor answers in a language that it did not learn from.

    Args:
        score: The predictor's scores of texts.
        represent: The predictor's unit rows of texts.
        past: Unit rows of the past wordings (n, d).
        main: Tag of the language of most past tests.
        other: Tag of the other language.
        rng: Source of the bootstrap draws.
    """
    wordings = parallel_wordings()
    in_main, in_other = score(wordings[main]), score(wordings[other])
    agreement, low = _agreement(in_main, in_other, rng)
    shift = language_shift(represent, main=main, other=other)
    near_main = (represent(wordings[main]) @ past.T).max(axis=1)
    near_other = (shifted(represent(wordings[other]), shift) @ past.T).max(axis=1)
    centred = in_other - in_other.mean()
    spread = float(centred @ centred)
    slope = float(centred @ (in_main - in_main.mean())) / spread if spread else 0.0
    return LanguageTransfer(
        main=main,
        other=other,
        wordings=len(in_main),
        agreement=agreement,
        agreement_low=low,
        slope=float(np.clip(slope, 0, 1)),
        main_level=float(in_main.mean()),
        other_level=float(in_other.mean()),
        allowance=float(max(0.0, np.quantile(near_main - near_other, ALLOWED_SHARE))),
    )


def _agreement(
    main: NDArray[np.float64], other: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, float]:
    """Return the share of pairs in the same order, and the lower end of its 90 % interval."""
    first, second = np.array(list(combinations(range(len(main)), 2))).T
    same = ((main[first] - main[second]) * (other[first] - other[second]) > 0).astype(np.float64)
    # A pair counts as often as both of its wordings are drawn.
    drawn = rng.multinomial(len(main), np.full(len(main), 1 / len(main)), size=N_DRAWS)
    weights = (drawn[:, first] * drawn[:, second]).astype(np.float64)
    return float(same.mean()), float(np.quantile(weights @ same / weights.sum(axis=1), 0.05))
