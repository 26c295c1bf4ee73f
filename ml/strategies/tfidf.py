"""Training from scratch: ridge regression on the words and word pairs of past tests."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ml.dataset.contrast_groups import Arms
from ml.dataset.near_duplicates import tokenise
from ml.dataset.targets import centered_targets, evidence_weights
from ml.progress import Progress, no_progress
from ml.strategies.base import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class TfidfRidge:
    """Ridge on TF-IDF of words and word pairs; accents are kept because French needs them.

    Args:
        alpha: Ridge penalty, > 0, for weights of mean 1.
        min_count: Number of texts in which a term must occur to be used.

    >>> from ml.dataset.contrast_groups import build_groups, stack_arms
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

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "FittedTfidf":
        """Learn term weights from the differences inside groups.

        Args:
            arms: Arms of the groups.
            progress: Not called: a fit takes a second.
        """
        # Imported here because it is large and slow to load, and scoring does not need it.
        from sklearn.linear_model import Ridge  # noqa: PLC0415

        terms = _frequent_terms(arms.texts, self.min_count)
        counts = _count(arms.texts, _places(terms))
        document_counts = np.bincount(counts.indices, minlength=len(terms))
        idf = np.log((1 + len(arms.texts)) / (1 + document_counts)) + 1
        head = Ridge(alpha=self.alpha, fit_intercept=False, solver="sparse_cg", tol=1e-6)
        head.fit(
            _center_rows(_weigh(counts, idf), arms.group),
            centered_targets(arms),
            sample_weight=evidence_weights(arms),
        )
        return FittedTfidf(places=_places(terms), idf=idf, weights=head.coef_)

    def restore(self, parts: Parts) -> "FittedTfidf":
        """Return the strategy with the stored terms, frequencies and weights."""
        return FittedTfidf(
            places=_places(parts.words["terms"]),
            idf=parts.tensors["idf"],
            weights=parts.tensors["weights"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTfidf:
    """Terms with their inverse document frequencies and learned weights.

    Args:
        places: Column of each of t terms.
        idf: Inverse document frequency of each, float64 (t,).
        weights: Weight of each, float64 (t,).
    """

    places: Mapping[str, int]
    idf: NDArray[np.float64]
    weights: NDArray[np.float64]

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return predicted log click rates up to a constant, float64 (n,)."""
        return np.asarray(self.represent(texts) @ self.weights)

    def represent(self, texts: Sequence[str]) -> csr_array:
        """Return the texts as unit TF-IDF rows (n, t); a row is 0 if no term is known."""
        return _weigh(_count(texts, self.places), self.idf)

    def parts(self) -> Parts:
        """Return terms, inverse document frequencies and weights."""
        return Parts(
            tensors={"idf": self.idf, "weights": self.weights}, words={"terms": list(self.places)}
        )


def _terms(text: str) -> list[str]:
    """Return words and pairs of neighbours. One-letter words stay: "l'offre", "à"."""
    words = tokenise(text)
    return [*words, *(" ".join(pair) for pair in pairwise(words))]


def _frequent_terms(texts: Sequence[str], min_count: int) -> list[str]:
    """Return the terms of at least `min_count` texts; every term if none is so frequent."""
    counts = Counter(term for text in texts for term in set(_terms(text)))
    return sorted(term for term, count in counts.items() if count >= min_count) or sorted(counts)


def _places(terms: Iterable[str]) -> dict[str, int]:
    return {term: at for at, term in enumerate(terms)}


def _count(texts: Sequence[str], places: Mapping[str, int]) -> csr_array:
    """Return the count of each known term in each text, (n, t)."""
    rows = [Counter(places[term] for term in _terms(text) if term in places) for text in texts]
    columns = np.fromiter((at for row in rows for at in sorted(row)), dtype=np.int32)
    counts = np.fromiter((row[at] for row in rows for at in sorted(row)), dtype=np.float64)
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
    return csr_array((counts, columns, starts), shape=(len(texts), len(places)))


def _weigh(counts: csr_array, idf: NDArray[np.float64]) -> csr_array:
    """Return unit rows of (1 + log count) times the term's inverse document frequency."""
    values = (1 + np.log(counts.data)) * idf[counts.indices]
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(row, values**2, minlength=counts.shape[0]))
    return csr_array((values / length[row], counts.indices, counts.indptr), shape=counts.shape)


def _center_rows(features: csr_array, group: NDArray[np.int64]) -> csr_array:
    """Return the rows less the mean row of their group; stays sparse."""
    n, counts = len(group), np.bincount(group)
    membership = csr_array((np.ones(n), (np.arange(n), group)), shape=(n, len(counts)))
    means = csr_array((1 / counts[group], (group, np.arange(n))), shape=(len(counts), n)) @ features
    return csr_array(features - membership @ means)
