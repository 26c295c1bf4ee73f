"""A student of the predictor: one learned weight a word, for very many wordings at once.

It is taught by the predictor's own scores of past wordings, so it needs no clicks of its own and
says what the predictor says, a little less surely and hundreds of times faster. It reads words
one by one: no context, no word order. Lists are sorted with it; a choice among a handful is the
predictor's.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

# Words, and marks: a question mark says more than most words.
_TERM = re.compile(r"\w+|[^\w\s]")
# Penalty of the weights; 0.1 to 1 do alike on the Upworthy archive.
ALPHA = 0.3
# Fewer wordings teach nothing that holds.
MIN_TEXTS = 50
HELD_OUT = 5  # One text in so many is kept from the student and shows how well it learned.


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """Words with their weights.

    Args:
        terms: Inverse document frequency and learned weight of each word or mark.
        fidelity: Correlation with the teacher on wordings the student had not seen; None if
            either says the same of all.

    >>> student = Student(terms={"free": (1.0, 0.5), "now": (1.0, 0.1)}, fidelity=None)
    >>> student.score(["Free now", "now", "unseen"]).round(3)
    array([0.424, 0.1  , 0.   ])
    """

    terms: Mapping[str, tuple[float, float]]
    fidelity: float | None

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return what the predictor would say, about, up to a constant, float64 (n,).

        A wording of which no word is known scores 0: see `known_share`.
        """
        return np.fromiter(map(self._score, texts), dtype=np.float64, count=len(texts))

    def known_share(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's words and marks that the student knows, in [0, 1]."""
        found = (_TERM.findall(text.lower()) for text in texts)
        shares = (sum(term in self.terms for term in each) / max(1, len(each)) for each in found)
        return np.fromiter(shares, dtype=np.float64, count=len(texts))

    def _score(self, text: str) -> float:
        total = squares = 0.0
        known = self.terms
        words = _TERM.findall(text.lower())
        counts = words if len(set(words)) == len(words) else Counter(words)
        for word in counts:
            pair = known.get(word)
            if pair is not None:
                value = pair[0]
                if counts is not words:
                    value *= 1.0 + log(counts[word])
                total += value * pair[1]
                squares += value * value
        return total / sqrt(squares) if squares else 0.0


def teach(texts: Sequence[str], scores: NDArray[np.float64], *, alpha: float = ALPHA) -> Student:
    """Return a student of whoever gave the scores.

    Args:
        texts: Wordings, n >= 50; the more, and the more various, the better. No labels needed.
        scores: What the teacher says of each, float64 (n,).
        alpha: Ridge penalty, > 0.

    Raises:
        ValueError: If there are fewer texts, or not one score a text.

    Source: Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network",
    arXiv 1503.02531: a small model learns the large one's answers instead of labels.
    """
    if len(texts) < MIN_TEXTS or len(texts) != len(scores):
        raise ValueError(
            f"texts: {len(texts)} with {len(scores)} scores; at least {MIN_TEXTS}, one score each"
        )
    kept_out = np.arange(len(texts)) % HELD_OUT == 0
    trial = _fit(
        [text for text, out in zip(texts, kept_out, strict=True) if not out],
        scores[~kept_out],
        alpha,
    )
    unseen = [text for text, out in zip(texts, kept_out, strict=True) if out]
    said = _make(trial, None).score(unseen)
    return _make(_fit(texts, scores, alpha), _correlation(said, scores[kept_out]))


_Fit = tuple[TfidfVectorizer, NDArray[np.float64]]


def _fit(texts: Sequence[str], scores: NDArray[np.float64], alpha: float) -> _Fit:
    vectorizer = TfidfVectorizer(
        tokenizer=_TERM.findall, token_pattern=None, lowercase=True, sublinear_tf=True
    )
    features = vectorizer.fit_transform(texts)
    head = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-6).fit(features, scores)
    return vectorizer, head.coef_


def _make(fit: _Fit, fidelity: float | None) -> Student:
    vectorizer, weights = fit
    names = vectorizer.get_feature_names_out()
    pairs = zip(vectorizer.idf_.tolist(), weights.tolist(), strict=True)
    return Student(terms=dict(zip(names.tolist(), pairs, strict=True)), fidelity=fidelity)


def _correlation(said: NDArray[np.float64], scores: NDArray[np.float64]) -> float | None:
    if np.ptp(said) == 0 or np.ptp(scores) == 0:
        return None
    return float(pearsonr(said, scores).statistic)
