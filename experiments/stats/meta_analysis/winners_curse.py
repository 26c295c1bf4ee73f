"""Correction of the winner's curse: lifts selected for having won are too large on average.

Four corrections, each beside the raw lift and with what it assumes:

- `significant_lift`: conditional on "|z| reached the boundary" at the only look. No prior, one
  comparison.
- `weakly_believed_lift`: the estimate of a sequential test, corrected for when it stopped, under
  a weak prior: what is left for truths far below the plan, only a prior removes.
- `pooled_lifts`: the arms of one experiment shrunken towards each other. Two arms or more.
- `believed_lift`: the posterior mean under a prior, best one fitted from finished experiments.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import scipy
from scipy.special import log_ndtr, ndtri

from experiments.stats.bayesian.normal_model import check_level, posterior
from experiments.stats.bayesian.priors import LARGEST, NormalPrior, Prior
from experiments.stats.meta_analysis.partial_pooling import pool_partially

# Wordings of one article spread as widely around their mean (Upworthy's archive), and two
# standard deviations are the lift that is too good to be true. A prior of 0.1 would show a true
# lift of twice the planned one a quarter too small (docs/statistics.md).
WEAK_PRIOR = NormalPrior(sd=0.25, source="weak prior, the same for every site")
NOT_SELECTED = "The lift did not reach the boundary, so it was not selected for its size."


class Assumption(StrEnum):
    """Assumption behind a corrected lift."""

    SIGNIFICANCE = "significance"  # selected because |z| reached a boundary at one look
    POOLING = "pooling"  # the true lifts of one experiment's arms are alike in kind
    WEAK_PRIOR = "weak_prior"  # true lifts rarely exceed 50 %; the site has no prior yet
    PRIOR = "prior"  # true lifts are drawn from the prior; selection then does no harm


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkenLift:
    """A corrected lift beside the raw one.

    Attributes:
        raw: Observed lift.
        estimate: Corrected lift, or None.
        interval: Its interval of probability `level`, or None.
        level: Probability of the interval.
        assumption: Assumption behind the correction.
        prior: The prior in words, where one was used.
        reason: Reason for a missing corrected lift, or None.
    """

    raw: float
    estimate: float | None
    interval: tuple[float, float] | None
    level: float
    assumption: Assumption
    prior: str | None = None
    reason: str | None = None


def significant_lift(
    lift: float, se: float, *, critical: float, level: float = 0.95
) -> ShrunkenLift:
    """Return the median-unbiased lift given that |lift / se| >= critical.

    With z = lift / se it solves P(Z >= z | |Z| >= critical; theta) = 1/2; the interval's ends
    solve it for the two tails. Assumes one look. A sequential test stops *at* its boundary,
    so there this would correct away nearly the whole lift; `weakly_believed_lift` serves it.

    Args:
        lift: Observed lift (or effect), finite.
        se: Its standard error, positive.
        critical: Boundary in standard errors, at least 0.
        level: Probability of the interval, in (0, 1).

    Returns:
        The corrected lift, between 0 and the raw one; None, with the reason, if the lift did
        not reach the boundary.

    Raises:
        ValueError: If a number is out of range.

    Source: Zhong, Prentice (2008), "Bias-reduced estimators and confidence intervals for odds
    ratios in genome-wide association studies", Biostatistics 9.

    >>> result = significant_lift(0.16, 0.0688627621, critical=1.959964)
    >>> round(result.estimate, 4)
    0.0529
    """
    _check(lift, se, critical)
    check_level(level)
    z = abs(lift) / se
    if z < critical:
        return ShrunkenLift(
            raw=lift,
            estimate=None,
            interval=None,
            level=level,
            assumption=Assumption.SIGNIFICANCE,
            reason=NOT_SELECTED,
        )
    sign = math.copysign(1.0, lift)

    def tail(theta: float) -> float:
        """Return P(Z >= z | |Z| >= critical; theta), increasing in theta."""
        log_selected = np.logaddexp(log_ndtr(theta - critical), log_ndtr(-critical - theta))
        return math.exp(min(float(log_ndtr(theta - z) - log_selected), 0.0))

    middle, low, high = (
        sign * se * _increasing_root(tail, target, start=z)
        for target in (0.5, (1 - level) / 2, (1 + level) / 2)
    )
    return ShrunkenLift(
        raw=lift,
        estimate=middle,
        interval=(min(low, high), max(low, high)),
        level=level,
        assumption=Assumption.SIGNIFICANCE,
    )


def weakly_believed_lift(
    raw: float, estimate: float, interval: tuple[float, float], *, level: float = 0.95
) -> ShrunkenLift:
    """Return the posterior mean of a sequential winner's lift under the weak prior.

    The estimate has to be corrected for when the test stopped: median-unbiased, by the stage-wise
    ordering. It enters as a normal one with the standard error that its interval implies.

    Args:
        raw: Observed lift.
        estimate: Lift corrected for the stop, finite.
        interval: Its interval of probability `level`.
        level: Probability of both intervals, in (0, 1).

    Returns:
        The corrected lift.

    Raises:
        ValueError: If a number is out of range.

    Source: `experiments.stats.sequential.stagewise_estimate`; for the prior see `WEAK_PRIOR`.

    >>> half = 1.959964 * 0.05
    >>> round(weakly_believed_lift(0.21, 0.2, (0.2 - half, 0.2 + half)).estimate, 4)
    0.1923
    """
    check_level(level)
    se = (interval[1] - interval[0]) / (2 * float(ndtri((1 + level) / 2)))
    believed = believed_lift(estimate, se, prior=WEAK_PRIOR, level=level)
    return replace(believed, raw=raw, assumption=Assumption.WEAK_PRIOR)


def pooled_lifts(
    lifts: Sequence[float],
    ses: Sequence[float],
    *,
    shared_variance: float = 0.0,
    level: float = 0.95,
) -> tuple[ShrunkenLift, ...]:
    """Return the lifts of all arms, shrunken towards each other by partial pooling.

    The best of several arms is partly the luckiest one; the other arms show how much. Assumes
    that the arms' true lifts are alike in kind (exchangeable), as wordings of one call to
    action are.

    Args:
        lifts: Observed lifts of the arms against one control, shape (k,), k >= 2.
        ses: Their standard errors, positive.
        shared_variance: Covariance of any two lifts: the control's part of their variances.
        level: Probability of the intervals, in (0, 1).

    Returns:
        The corrected lifts, in order.

    Raises:
        ValueError: If a number is out of range or there is one arm only.

    Source: Gelman, Hill, Yajima (2012), "Why we (usually) don't have to worry about multiple
    comparisons", J. Res. Educ. Eff. 5; `experiments.stats.meta_analysis.partial_pooling`.

    >>> best = pooled_lifts([0.10, 0.02, 0.03], [0.03] * 3, shared_variance=0.00045)[0]
    >>> 0.05 < best.estimate < 0.1
    True
    """
    check_level(level)
    pooled = pool_partially(lifts, ses, shared_variance=shared_variance)
    return tuple(
        ShrunkenLift(
            raw=lift,
            estimate=belief.mean,
            interval=belief.interval(level),
            level=level,
            assumption=Assumption.POOLING,
        )
        for lift, belief in zip(lifts, pooled.effects, strict=True)
    )


def believed_lift(lift: float, se: float, *, prior: Prior, level: float = 0.95) -> ShrunkenLift:
    """Return the posterior mean of the lift.

    If true lifts follow the prior, it is right on the mean for every selected arm, however
    it was selected and whenever the experiment stopped.

    Args:
        lift: Observed lift, finite.
        se: Its standard error, positive.
        prior: Prior of the lift; a flat one changes nothing.
        level: Probability of the interval, in (0, 1).

    Returns:
        The corrected lift.

    Raises:
        ValueError: If a number is out of range.

    Source: Efron (2011), "Tweedie's formula and selection bias", J. Am. Stat. Assoc. 106.

    >>> from experiments.stats.bayesian.priors import NormalPrior
    >>> round(believed_lift(0.16, 0.0688627621, prior=NormalPrior(sd=0.1)).estimate, 4)
    0.1085
    """
    check_level(level)
    belief = posterior(lift, se, prior)
    return ShrunkenLift(
        raw=lift,
        estimate=belief.mean,
        interval=belief.interval(level),
        level=level,
        assumption=Assumption.PRIOR,
        prior=prior.label,
    )


def _increasing_root(tail: Callable[[float], float], target: float, *, start: float) -> float:
    """Return where an increasing function from 0 to 1 meets the target, starting at z."""
    low, high, step = start - 1.0, start + 1.0, 1.0
    while tail(low) > target:
        step *= 2
        low -= step
    while tail(high) < target:
        step *= 2
        high += step
    return float(scipy.optimize.brentq(lambda theta: tail(theta) - target, low, high, xtol=1e-12))


def _check(lift: float, se: float, critical: float) -> None:
    if not abs(lift) <= LARGEST:
        raise ValueError(f"lift must be finite, got {lift}")
    if not 1 / LARGEST <= se <= LARGEST:
        raise ValueError(f"se must be positive, got {se}")
    if not 0 <= critical < math.inf:
        raise ValueError(f"critical must be at least 0, got {critical}")
