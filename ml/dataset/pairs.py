"""Pairs of arms inside a contrast group, with the evidence that they differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ml.dataset.contrast_groups import Arms


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Every decided pair of arms, once: pairs with equal click rates are left out.

    Args:
        first: Position of arm A, int64 (m,).
        second: Position of arm B of the same group, int64 (m,), greater than `first`.
        group: Group of the pair, int64 (m,).
        first_won: True if arm A had the higher observed click rate, bool (m,).
        p_value: Two-sided pooled two-proportion z-test of equal rates, float64 (m,) in (0, 1].
        ties: Pairs left out because both rates were equal.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    group: NDArray[np.int64]
    first_won: NDArray[np.bool_]
    p_value: NDArray[np.float64]
    ties: int

    def __len__(self) -> int:
        return len(self.first)


def pair_arms(arms: Arms) -> Pairs:
    """Return all decided pairs of arms of the same group.

    Args:
        arms: Arms of the groups; every arm has visitors.

    Returns:
        Pairs ordered by group, then by arm.

    Source: pooled z-test as in Newcombe (1998), Statistics in Medicine 17(8), without correction.

    >>> import numpy as np
    >>> arms = Arms(
    ...     texts=("A", "B", "C"),
    ...     group=np.array([0, 0, 0]),
    ...     visitors=np.array([1000.0, 1000.0, 1000.0]),
    ...     clicks=np.array([50.0, 80.0, 50.0]),
    ... )
    >>> pairs = pair_arms(arms)
    >>> len(pairs), pairs.ties, pairs.p_value.round(4)
    (2, 1, array([0.0065, 0.0065]))
    """
    first, second = _positions(arms)
    # Cross-multiplied counts are exact; equal rates as floats may differ in the last bit.
    gain = arms.clicks[first] * arms.visitors[second] - arms.clicks[second] * arms.visitors[first]
    decided = gain != 0
    first, second, gain = first[decided], second[decided], gain[decided]
    return Pairs(
        first=first,
        second=second,
        group=arms.group[first],
        first_won=gain > 0,
        p_value=_two_proportion_p(arms, first, second),
        ties=int(np.count_nonzero(~decided)),
    )


def _positions(arms: Arms) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    sizes = np.bincount(arms.group, minlength=arms.n_groups)
    starts = np.cumsum(sizes) - sizes
    blocks = [
        np.stack(np.triu_indices(size, k=1)) + start
        for size, start in zip(sizes, starts, strict=True)
    ]
    if not blocks:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    first, second = np.concatenate(blocks, axis=1)
    return first, second


def _two_proportion_p(
    arms: Arms, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    n_a, n_b = arms.visitors[first], arms.visitors[second]
    c_a, c_b = arms.clicks[first], arms.clicks[second]
    pooled = (c_a + c_b) / (n_a + n_b)
    # Rates differ, so the pooled rate is inside (0, 1) and the error is positive.
    error = np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return np.asarray(2 * ndtr(-np.abs(c_a / n_a - c_b / n_b) / error))
