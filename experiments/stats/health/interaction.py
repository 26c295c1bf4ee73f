"""Interaction of two experiments: one's lift in the arms of the other."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Standard deviation of the log factors that the mixture expects: some 10 %.
EXPECTED_SPREAD = 0.1
# Below it the errors of a log rate are not normal enough.
LEAST_SUCCESSES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Interaction of two arms.

    Attributes:
        factor: Ratio of the arm's rate to its control's in the other arm, over that ratio in the
            other control; 1 without an interaction.
        p_value: Two-sided, of "no interaction", valid at every look.
    """

    factor: float
    p_value: float


def find_interaction(n: npt.ArrayLike, successes: npt.ArrayLike) -> Interaction | None:
    """Test whether the ratio of two rates is the same in both arms of another experiment.

    The log of the factor is approximately normal with variance sum (1 - p) / successes. A normal
    mixture over factors gives an e-value at every look, and 1 / e is the p-value.

    Args:
        n: Visitors of both experiments, shape (2, 2): control and arm of the one by control and
            arm of the other.
        successes: Those with a success, same shape, at most n.

    Returns:
        The test; None with fewer than 20 successes in a cell.

    Raises:
        ValueError: If shapes differ or a number is impossible.

    Source: log-linear interaction in a 2 x 2 x 2 table: Agresti (2013), "Categorical data
        analysis", chapter 9; mixtures: Robbins (1970), Ann. Math. Stat. 41.

    >>> found = find_interaction([[5_000, 5_000], [5_000, 5_000]], [[500, 500], [500, 800]])
    >>> round(found.factor, 3), found.p_value < 1e-4
    (1.6, True)
    """
    visitors, hits = (np.asarray(one, dtype=np.float64) for one in (n, successes))
    if visitors.shape != (2, 2) or hits.shape != (2, 2):
        raise ValueError(f"n and successes have shape (2, 2), got {visitors.shape}, {hits.shape}")
    if not np.all((hits >= 0) & (hits <= visitors)):
        raise ValueError("successes must be at least 0 and at most n")
    if hits.min() < LEAST_SUCCESSES:
        return None
    rates = hits / visitors
    log_factor = math.log(rates[1, 1] * rates[0, 0] / (rates[1, 0] * rates[0, 1]))
    variance = float(((1 - rates) / hits).sum())
    if variance == 0:  # Everybody succeeds everywhere.
        return Interaction(factor=1.0, p_value=1.0)
    return Interaction(factor=math.exp(log_factor), p_value=_anytime_p(log_factor, variance))


def _anytime_p(estimate: float, variance: float) -> float:
    prior = EXPECTED_SPREAD**2
    total = variance + prior
    log_e = 0.5 * math.log(variance / total) + estimate**2 * prior / (2 * variance * total)
    return min(1.0, math.exp(-log_e))
