"""Near-duplicate wordings: token sets with a Jaccard likeness of 0.9 or more."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import ceil

DUPLICATE_JACCARD = 0.9


def tokenise(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, accents kept.

    Args:
        text: Any string. Without letters or digits it is a single token.

    >>> tokenise("L'offre d'été !"), tokenise("→ →")
    (('l', 'offre', 'd', 'été'), ('→ →',))
    """
    return tuple(re.findall(r"\w+", text.lower())) or (text.strip(),)


def find_duplicates(
    texts: Sequence[str], *, threshold: float = DUPLICATE_JACCARD
) -> Iterator[tuple[int, int]]:
    """Yield pairs of positions that connect all near-duplicate texts.

    Texts with equal token sets are chained; between different sets every pair at or above the
    threshold is yielded. Exact, and not quadratic: two similar sets share one of their few rarest
    tokens (prefix filtering), so only sets that do are compared.

    Args:
        texts: Wordings, length n.
        threshold: Smallest Jaccard likeness of token sets that counts, in (0, 1].

    Yields:
        (i, j) with i < j; each pair once.

    Raises:
        ValueError: If the threshold is outside (0, 1].

    Source: Bayardo, Ma, Srikant (2007), "Scaling up all pairs similarity search", WWW, section 4.

    >>> list(find_duplicates(["Go now", "Try it", "now: GO"]))
    [(0, 2)]
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold: {threshold} is outside (0, 1]")
    first_of: dict[frozenset[str], int] = {}
    for position, text in enumerate(texts):
        tokens = frozenset(tokenise(text))
        first = first_of.setdefault(tokens, position)
        if first != position:
            yield first, position
    yield from _join(first_of, threshold)


def _join(first_of: dict[frozenset[str], int], threshold: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs of different sets that reach the threshold."""
    frequency = Counter(token for tokens in first_of for token in tokens)
    index: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    # Shorter sets first: a candidate from the index is never longer than the current set.
    for tokens in sorted(first_of, key=len):
        rarest = sorted(tokens, key=lambda token: (frequency[token], token))
        prefix = rarest[: len(tokens) - ceil(threshold * len(tokens)) + 1]
        candidates = {other for token in prefix for other in index[token]}
        for other in candidates:
            if len(other) >= threshold * len(tokens) and _jaccard(tokens, other) >= threshold:
                low, high = sorted((first_of[tokens], first_of[other]))
                yield low, high
        for token in prefix:
            index[token].append(tokens)


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)
