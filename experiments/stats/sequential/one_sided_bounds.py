"""One-sided confidence bounds of a lift: non-inferiority and harm on a guardrail metric.

Two regimes, chosen by counts alone, as in `comparison`: with fewer than 20 successes (or others)
in an arm, the exact split of the successes; otherwise the normal approximation. At every look
the two share the error, so that together they err in at most the given level.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from experiments.stats.estimation.contrasts import Contrasts
from experiments.stats.estimation.lift_intervals import fieller_interval
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.sequential.boundaries import one_sided_multiplier
from experiments.stats.sequential.click_e_values import (
    click_lift_lower_bound,
    click_lift_upper_bound,
)
from experiments.stats.sequential.least_counts import LEAST_CLICKS

# Part of the error that pays for the exact looks at few successes.
EXACT_PART = 0.1
# The mixture's one-sided form is for error rates below one half.
HIGHEST_LEVEL = 0.49


@dataclass(frozen=True, slots=True, kw_only=True)
class Successes:
    """Successful visitors by phase and arm, of shape `(..., S, K)`, control first.

    Attributes:
        visitors: Visitors.
        count: Visitors with a success: a click, or a conversion of any value.
        shares: Configured shares, at least 0; a pair counts in the phases that had both arms.
        is_metric: The metric is the rate of these visitors. False for values, where few successes
            show harm, but do not bound the values themselves.
        is_related: False for a ratio, which their number does not bound: the value per click
            stays the same when there are fewer clicks.
    """

    visitors: FloatArray
    count: FloatArray
    shares: FloatArray
    is_metric: bool = True
    is_related: bool = True

    @property
    def stands_in(self) -> bool:
        """Return whether exact bounds are those of the number of successes, not the metric's."""
        return self.is_related and not self.is_metric


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSidedBounds:
    """Bounds of the lift, of shape `(..., K - 1)`, infinite where nothing bounds it.

    Attributes:
        low: Lower bounds.
        high: Upper bounds.
        is_exact: True where they come from the split of the successes.
    """

    low: FloatArray
    high: FloatArray
    is_exact: npt.NDArray[np.bool_]


def one_sided_bounds(
    contrasts: Contrasts,
    successes: Successes,
    *,
    levels: tuple[float, float],
    time: FloatArray | None,
    higher_is_better: bool = True,
) -> OneSidedBounds:
    """Return a lower and an upper bound of each lift, each one-sided at its own level.

    Args:
        contrasts: Each arm against the control on the metric, `(..., K - 1)`.
        successes: The same visitors' successes.
        levels: Error rates in (0, 1) of the bounds on the losing side (which excludes a loss)
            and on the winning side (which shows harm).
        time: Visitors of the two arms over planned visitors, > 0, for bounds that hold at every
            look; None for a single look.
        higher_is_better: False turns the sides round.

    Returns:
        The bounds.

    Source: Schultzberg et al. (2024), arXiv 2402.11609, for the two sides; `boundaries` and
    `click_e_values` of this package for the bounds.
    """
    low_level, high_level = levels if higher_is_better else levels[::-1]
    times = np.zeros_like(contrasts.effect) if time is None else time
    low_multiplier, high_multiplier = (
        normal_multiplier(times, level=level, at_every_look=time is not None)
        for level in (low_level, high_level)
    )
    low, _, _ = fieller_interval(contrasts, low_multiplier)
    _, high, _ = fieller_interval(contrasts, high_multiplier)
    is_exact = _has_few(successes) | ~np.isfinite(low) | ~np.isfinite(high)
    if not is_exact.any():
        return OneSidedBounds(low=low, high=high, is_exact=is_exact)
    part = 1.0 if time is None else EXACT_PART
    thresholds = -np.log(low_level * part), -np.log(high_level * part)
    exact_low, exact_high = _exact_bounds(successes, is_exact, thresholds)
    if not successes.is_related:
        exact_low, exact_high = np.full_like(exact_low, -np.inf), np.full_like(exact_high, np.inf)
    elif not successes.is_metric:
        # What a missing success was worth is unknown: only the side that shows harm is known.
        exact_low = exact_low if not higher_is_better else np.full_like(exact_low, -np.inf)
        exact_high = exact_high if higher_is_better else np.full_like(exact_high, np.inf)
    low, high = low.copy(), high.copy()
    low[is_exact], high[is_exact] = np.minimum(exact_low, exact_high), exact_high
    return OneSidedBounds(low=low, high=high, is_exact=is_exact)


def normal_multiplier(time: FloatArray, *, level: float, at_every_look: bool) -> FloatArray:
    """Return the half-width of the normal bound in standard errors.

    Args:
        time: Visitors of the two arms over planned visitors, > 0; unused for a single look.
        level: One-sided error rate, in (0, 1).
        at_every_look: True for bounds that hold at all looks together.

    Returns:
        Multipliers of the shape of `time`.

    >>> normal_multiplier(np.array([1.0]), level=0.05, at_every_look=False).round(4).tolist()
    [1.6449]
    """
    if not at_every_look:
        return np.full_like(time, -float(ndtri(level)), dtype=np.float64)
    return one_sided_multiplier(time, alpha=min(level, HIGHEST_LEVEL) * (1 - EXACT_PART))


def _has_few(successes: Successes) -> npt.NDArray[np.bool_]:
    count = successes.count.sum(axis=-2)
    least = count
    if successes.is_metric:
        least = np.minimum(count, successes.visitors.sum(axis=-2) - count)
    is_small = least < LEAST_CLICKS
    return np.asarray(is_small[..., :1] | is_small[..., 1:])


def _exact_bounds(
    successes: Successes, is_exact: npt.NDArray[np.bool_], log_thresholds: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of the chosen comparisons, from the split of the successes."""
    counts, shares = (
        np.swapaxes(np.broadcast_to(part, successes.count.shape), -1, -2)
        for part in (successes.count, successes.shares)
    )
    pairs = (*is_exact.shape, counts.shape[-1])
    control, control_share, arm, arm_share = (
        np.broadcast_to(part, pairs)[is_exact]
        for part in (counts[..., :1, :], shares[..., :1, :], counts[..., 1:, :], shares[..., 1:, :])
    )
    has_both = (control_share > 0) & (arm_share > 0)
    share = np.where(has_both, arm_share / np.where(has_both, control_share + arm_share, 1), 0.5)
    clicks = (np.where(has_both, control, 0), np.where(has_both, arm, 0))
    low = click_lift_lower_bound(clicks, share=share, log_threshold=log_thresholds[0])
    high = click_lift_upper_bound(clicks, share=share, log_threshold=log_thresholds[1])
    return low, high
