"""Applicability domain of a predictor: the extent of its training history."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ml.dataset.contrast_groups import ContrastGroup
from ml.dataset.near_duplicates import tokenise
from ml.language.locales import primary_tag
from ml.strategies.base import Representation

# A wording is outside if it is stranger than 99 in 100 past ones were to the rest.
QUANTILE = 0.99
# Rows of the likeness matrix at a time, and past wordings sampled: limits on memory and time.
CHUNK = 512
MAX_PROBES = 4_096


Outside = Literal["unseen_words", "unseen_letters", "far_from_training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The extent of the training history.

    Args:
        words: All words of the past wordings, in lower case.
        max_unseen_share: Largest share of unseen words, in [0, 1].
        max_distance: Largest cosine distance to the nearest past wording, in [0, 2].
        locale_groups: Contrast groups by primary language tag (`fr` of `fr-CA`); "" = unknown.
        audience_groups: Contrast groups by audience key; "" = unknown.
    """

    # Stored; never rename.
    words: frozenset[str]
    max_unseen_share: float
    max_distance: float
    locale_groups: Mapping[str, int]
    audience_groups: Mapping[str, int]

    def outside(self, text: str, distance: float) -> Outside | None:
        """Return the reason why a wording lies outside, or None.

        Args:
            text: A wording.
            distance: Cosine distance to the nearest past wording.

        >>> domain = Domain(
        ...     words=frozenset({"buy", "now"}),
        ...     max_unseen_share=0.5,
        ...     max_distance=0.6,
        ...     locale_groups={},
        ...     audience_groups={},
        ... )
        >>> [domain.outside(*case) for case in [("Buy it", 0.2), ("Try it", 0.2), ("Buy", 0.7)]]
        [None, 'unseen_words', 'far_from_training']
        """
        unseen = unseen_share(text, self.words)
        if unseen > self.max_unseen_share:
            return "unseen_words"
        if unseen and self._unseen_letters(text):
            return "unseen_letters"
        # At distance 1 a wording has nothing in common with any past one.
        return "far_from_training" if distance > min(self.max_distance, 1 - 1e-6) else None

    def _unseen_letters(self, text: str) -> bool:
        """Return True if most letters never occurred, as in another script."""
        alphabet = set().union(*self.words)
        letters = [letter for letter in text.lower() if letter.isalpha()]
        return 2 * sum(letter not in alphabet for letter in letters) > len(letters)


def measure_domain(
    groups: Sequence[ContrastGroup],
    components: NDArray[np.int64],
    representation: Representation,
    *,
    rng: np.random.Generator,
) -> Domain:
    """Measure the extent of a history: how strange its wordings are to the rest of it.

    For each wording, only wordings of other connected components count as the rest.

    Args:
        groups: Contrast groups, g >= 2 components.
        components: Component of each group, int64 (g,).
        representation: Unit rows of the arms of the groups, in order.
        rng: Random generator that samples the wordings if there are very many.

    >>> import numpy as np
    >>> from ml.dataset.contrast_groups import build_groups
    >>> from ml.history.row import HistoryRow
    >>> groups = build_groups(
    ...     HistoryRow(test=test, context="", text=text, visitors=9, clicks=1)
    ...     for test, text in [("1", "Go now"), ("1", "Go on"), ("2", "Try"), ("2", "Try now")]
    ... ).groups
    >>> domain = measure_domain(
    ...     groups, np.array([0, 1]), np.eye(4, dtype=np.float32), rng=np.random.default_rng(1)
    ... )
    >>> domain.max_distance, sorted(domain.words)
    (1.0, ['go', 'now', 'on', 'try'])
    """
    texts = [text for group in groups for text in group.texts]
    component = np.repeat(components, [len(group.texts) for group in groups])
    seen_in: defaultdict[str, set[int]] = defaultdict(set)
    for text, number in zip(texts, component, strict=True):
        for word in tokenise(text):
            seen_in[word].add(int(number))
    common = {word for word, numbers in seen_in.items() if len(numbers) > 1}
    probes = rng.permutation(len(texts))[:MAX_PROBES]
    return Domain(
        words=frozenset(seen_in),
        max_unseen_share=float(
            np.quantile([unseen_share(texts[at], common) for at in probes], QUANTILE)
        ),
        max_distance=float(np.quantile(_distances(representation, component, probes), QUANTILE)),
        locale_groups=dict(Counter(primary_tag(group.locale) for group in groups)),
        audience_groups=dict(Counter(group.audience for group in groups)),
    )


def unseen_share(text: str, words: frozenset[str] | set[str]) -> float:
    """Return the share of the words of a text that are not among the given ones.

    Args:
        text: A wording.
        words: Known words, in lower case.

    >>> unseen_share("Buy now", {"now"})
    0.5
    """
    tokens = tokenise(text)
    return sum(word not in words for word in tokens) / len(tokens)


def likeness(queries: Representation, past: Representation) -> NDArray[np.float32]:
    """Return the cosine likeness of every query with every past wording.

    Args:
        queries: Unit rows (q, d).
        past: Unit rows (n, d).

    Returns:
        Float32 (q, n), in [-1, 1].

    >>> likeness(np.array([[1.0, 0.0]], dtype=np.float32), np.eye(2, dtype=np.float32))
    array([[1., 0.]], dtype=float32)
    """
    # The large side first: few queries then do not get a thread each, whose synchronisation would
    # cost more than the multiplication.
    product = past @ queries.T
    dense = product.toarray() if isinstance(product, csr_array) else product
    return np.ascontiguousarray(dense.T, dtype=np.float32)


def _distances(
    representation: Representation, component: NDArray[np.int64], probes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the distance of each probe to the nearest wording of another component."""
    nearest = []
    for start in range(0, len(probes), CHUNK):
        chunk = probes[start : start + CHUNK]
        close = likeness(representation[chunk], representation)
        close[component[chunk][:, None] == component[None, :]] = -1
        nearest.append(1 - close.max(axis=1))
    return np.concatenate(nearest).astype(np.float64)
