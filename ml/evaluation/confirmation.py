"""Held-out choice among strategies: on each fold the one that did best on the other folds.

The best strategy on all folds was chosen on those same folds, and among many settings some are
best by luck. The figures of the held-out choice are free of that luck: on no fold did its results
choose.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldLosses:
    """Losses of one strategy on the groups of one split into folds.

    Args:
        loss: Loss of each group, float64 (g,).
        fold: Fold of each group, int64 (g,); the same for every strategy that is compared.
    """

    loss: NDArray[np.float64]
    fold: NDArray[np.int64]


def nested_loss(repeats: Sequence[Sequence[FoldLosses]]) -> NDArray[np.float64]:
    """Return the loss of the held-out choice on each group, the mean over the repeats.

    Args:
        repeats: For each strategy, the simplest first, its losses in each repeat.

    Returns:
        Float64 (g,).

    >>> fold = np.array([0, 1])
    >>> one, other = np.array([1.0, 3.0]), np.array([2.0, 0.0])
    >>> nested_loss([[FoldLosses(loss=each, fold=fold)] for each in (one, other)])
    array([2., 3.])
    """
    chosen = [_choose(each) for each in zip(*repeats, strict=True)]
    return np.asarray(np.mean(chosen, axis=0))


def _choose(strategies: Sequence[FoldLosses]) -> NDArray[np.float64]:
    losses = np.stack([each.loss for each in strategies])
    fold = strategies[0].fold
    chosen = np.empty(losses.shape[1])
    for number in np.unique(fold):
        inside = fold == number
        # The first of equals: the simplest.
        best = int(np.argmin(losses[:, ~inside].sum(axis=1)))
        chosen[inside] = losses[best, inside]
    return chosen
