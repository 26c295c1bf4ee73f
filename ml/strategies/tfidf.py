"""Learning from scratch: ridge regression on the words and word pairs of past tests."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from ml.dataset.duplicates import tokenise
from ml.dataset.groups import Arms
from ml.strategies.contract import Parts
from ml.strategies.targets import centered_targets, evidence_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class TfidfRidge:
    """Ridge on TF-IDF of words and word pairs; accents are kept, French is spelled with them.

    Args:
        alpha: Ridge penalty, > 0, for weights of mean 1.
        min_count: Texts in which a term must occur to be learned.

    >>> from ml.dataset.groups import build_groups, stack_arms
    >>> from ml.history.row import HistoryRow
    >>> rows = [
    ...     HistoryRow(test=test, context="", text=f"{word} {test}", visitors=900, clicks=clicks)
    ...     for test in "abc" for word, clicks in [("free", 90), ("paid", 60)]
    ... ]
    >>> fitted = TfidfRidge().fit(stack_arms(build_groups(rows).groups))
    >>> fitted.score(["free d"]) > fitted.score(["paid d"])
    array([ True])
    """

    alpha: float = 3.0
    min_count: int = 2
    name: str = "tfidf"
    is_transfer: bool = False

    def fit(self, arms: Arms) -> "FittedTfidf":
        """Learn term weights from the differences inside groups.

        Args:
            arms: Arms of the groups.
        """
        vectorizer = _vectorizer(_frequent_terms(arms.texts, self.min_count))
        features = csr_array(vectorizer.fit_transform(arms.texts))
        head = Ridge(alpha=self.alpha, fit_intercept=False, solver="sparse_cg", tol=1e-6)
        head.fit(
            _center_rows(features, arms.group),
            centered_targets(arms),
            sample_weight=evidence_weights(arms),
        )
        return FittedTfidf(vectorizer=vectorizer, weights=head.coef_)

    def restore(self, parts: Parts) -> "FittedTfidf":
        """Return the strategy whose terms, frequencies and weights were stored."""
        vectorizer = _vectorizer(list(parts.words["terms"]))
        vectorizer.idf_ = parts.tensors["idf"]
        return FittedTfidf(vectorizer=vectorizer, weights=parts.tensors["weights"])


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTfidf:
    """Terms with their inverse document frequencies and learned weights.

    Args:
        vectorizer: Fitted vectoriser of t terms.
        weights: Weight of each term, float64 (t,).
    """

    vectorizer: TfidfVectorizer
    weights: NDArray[np.float64]

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return predicted log click rates up to a constant, float64 (n,)."""
        return np.asarray(self.represent(texts) @ self.weights)

    def represent(self, texts: Sequence[str]) -> csr_array:
        """Return the texts as unit TF-IDF rows (n, t); a row is 0 if no term is known."""
        return csr_array(self.vectorizer.transform(texts))

    def parts(self) -> Parts:
        """Return terms, inverse document frequencies and weights."""
        return Parts(
            tensors={"idf": self.vectorizer.idf_, "weights": self.weights},
            words={"terms": self.vectorizer.get_feature_names_out().tolist()},
        )


def _terms(text: str) -> list[str]:
    """Return words and pairs of neighbours. One-letter words stay: "l'offre", "à"."""
    words = tokenise(text)
    return [*words, *(" ".join(pair) for pair in pairwise(words))]


def _frequent_terms(texts: Sequence[str], min_count: int) -> list[str]:
    """Return the terms of at least `min_count` texts; every term if none is so frequent."""
    counts = Counter(term for text in texts for term in set(_terms(text)))
    return sorted(term for term, count in counts.items() if count >= min_count) or sorted(counts)


def _vectorizer(vocabulary: list[str]) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=_terms, sublinear_tf=True, vocabulary=vocabulary)


def _center_rows(features: csr_array, group: NDArray[np.int64]) -> csr_array:
    """Return the rows less the mean row of their group; stays sparse."""
    n, counts = len(group), np.bincount(group)
    membership = csr_array((np.ones(n), (np.arange(n), group)), shape=(n, len(counts)))
    means = csr_array((1 / counts[group], (group, np.arange(n))), shape=(len(counts), n)) @ features
    return csr_array(features - membership @ means)
