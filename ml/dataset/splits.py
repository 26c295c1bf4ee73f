"""Leak-safe splits: connected contrast groups stay on one side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import ContrastGroup
from ml.dataset.near_duplicates import find_duplicates

LeakKind = Literal["test", "asset", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """An item on both sides of a split.

    Args:
        kind: `test`, `asset`, or `text` (equal or nearly so).
        first: The test, asset or wording on the first side.
        second: The same on the second side, or its near-duplicate.
    """

    kind: LeakKind
    first: str
    second: str


def connect_groups(groups: Sequence[ContrastGroup]) -> NDArray[np.int64]:
    """Return the connected component of each group.

    Two groups are connected when they share a test, an asset, or a wording (equal or with a token
    Jaccard of at least 0.9).

    Args:
        groups: Contrast groups, length g.

    Returns:
        Component numbers, int64 (g,), 0, 1, ... in order of first appearance.

    >>> from ml.history.row import HistoryRow
    >>> from ml.dataset.contrast_groups import build_groups
    >>> rows = [
    ...     HistoryRow(test=test, context="", text=text, visitors=9, clicks=1)
    ...     for test, text in [("1", "Go"), ("1", "Try"), ("2", "Buy"), ("2", "Go!"), ("3", "A")]
    ... ] + [HistoryRow(test="3", context="", text="B", visitors=9, clicks=1)]
    >>> connect_groups(build_groups(rows).groups)
    array([0, 0, 1])
    """
    forest = _Forest(len(groups))
    owner_of: dict[tuple[LeakKind, str], int] = {}
    for index, group in enumerate(groups):
        for key in _keys(group):
            forest.join(owner_of.setdefault(key, index), index)
    texts, owners = _texts(groups)
    for first, second in find_duplicates(texts):
        forest.join(owners[first], owners[second])
    roots = [forest.root(index) for index in range(len(groups))]
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[root] for root in roots], dtype=np.int64)


def assign_folds(
    components: NDArray[np.int64], n_folds: int, *, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the fold of each group; a component is never cut.

    Components are shuffled and, large ones first, each goes to the smallest fold so far.

    Args:
        components: Component of each group, int64 (g,), from `connect_groups`.
        n_folds: Number of folds, at least 2.
        rng: Source of the shuffle.

    Returns:
        Fold numbers in [0, n_folds), int64 (g,).

    Raises:
        ValueError: If n_folds < 2 or there are fewer components than folds.

    >>> assign_folds(np.array([0, 0, 1]), 2, rng=np.random.default_rng(1))
    array([0, 0, 1])
    """
    sizes = np.bincount(components)
    if n_folds < 2:
        raise ValueError(f"n_folds: {n_folds} is less than 2")
    if len(sizes) < n_folds:
        raise ValueError(f"n_folds: {n_folds} folds need as many components, not {len(sizes)}")
    shuffled = rng.permutation(len(sizes))
    ordered = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    load = np.zeros(n_folds, dtype=np.int64)
    fold_of = np.empty(len(sizes), dtype=np.int64)
    for component in ordered:
        fold = int(np.argmin(load))
        fold_of[component] = fold
        load[fold] += sizes[component]
    return np.asarray(fold_of[components])


def find_leaks(first: Sequence[ContrastGroup], second: Sequence[ContrastGroup]) -> tuple[Leak, ...]:
    """Return the tests, assets and wordings that leak between the sides of a split.

    Args:
        first: Groups on one side, such as the training side.
        second: Groups on the other side.

    Returns:
        The shared tests and assets, and pairs of (nearly) equal wordings across the sides: at least
        one pair for every family of duplicates on both sides. Empty if the split is safe.

    >>> find_leaks([], [])
    ()
    """
    shared = {key for group in first for key in _keys(group)}
    shared &= {key for group in second for key in _keys(group)}
    leaks = [Leak(kind=kind, first=value, second=value) for kind, value in sorted(shared)]
    texts, owners = _texts([*first, *second])
    for low, high in find_duplicates(texts):
        if owners[low] < len(first) <= owners[high]:
            leaks.append(Leak(kind="text", first=texts[low], second=texts[high]))
    return tuple(leaks)


def _keys(group: ContrastGroup) -> list[tuple[LeakKind, str]]:
    assets: list[tuple[LeakKind, str]] = [("asset", asset) for asset in group.assets]
    return [("test", group.test), *assets]


def _texts(groups: Sequence[ContrastGroup]) -> tuple[list[str], list[int]]:
    """Return every wording and the position of its group, in group order."""
    placed = [(text, index) for index, group in enumerate(groups) for text in group.texts]
    return [text for text, _ in placed], [index for _, index in placed]


class _Forest:
    """Disjoint sets of the numbers below n."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def root(self, item: int) -> int:
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, first: int, second: int) -> None:
        low, high = sorted((self.root(first), self.root(second)))
        self._parent[high] = low
