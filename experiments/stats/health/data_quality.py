"""Data-quality checks on counts: multiple arms, covariate balance, lifts too good to be true."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from experiments.stats.bayesian.priors import LARGEST, NormalPrior
from experiments.stats.estimation.sufficient_statistics import Mean
from experiments.stats.frequentist.omnibus import welch_anova
from experiments.stats.health.sample_ratio import SRM_ALPHA

# P-value below which a covariate or a lift is an alarm, as for the traffic split.
ALARM = SRM_ALPHA
# Visitors who met several arms: least share of all and least number (GrowthBook).
MULTIPLE_SHARE, MULTIPLE_COUNT = 0.01, 10
# A lift beyond +-50 % is more often a mistake than a discovery (Twyman's law; GrowthBook).
SUSPICIOUS_LIFT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleArms:
    """Visitors who met several arms; they are left out of every result.

    Attributes:
        count: Such visitors.
        share: Share of all visitors, or None without visitors.
        is_unhealthy: True if leaving them out may bias the results.
    """

    count: int
    share: float | None
    is_unhealthy: bool


def check_multiple_arms(count: int, clean: int) -> MultipleArms:
    """Judge the number of visitors who met several arms.

    Args:
        count: Visitors who met several arms, at least 0.
        clean: Visitors who met one arm, at least 0.

    Returns:
        The check: unhealthy from 1 % of all visitors and 10 such visitors on.

    Raises:
        ValueError: If a count is negative.

    Source: growthbook/growthbook, packages/shared (multiple exposures).

    >>> check_multiple_arms(150, 9_850).is_unhealthy
    True
    """
    if min(count, clean) < 0:
        raise ValueError(f"counts must be at least 0, got {count} and {clean}")
    total = count + clean
    share = count / total if total else None
    unhealthy = share is not None and share >= MULTIPLE_SHARE and count >= MULTIPLE_COUNT
    return MultipleArms(count=count, share=share, is_unhealthy=unhealthy)


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateBalance:
    """Balance of a pre-experiment covariate between the arms.

    Attributes:
        p_value: P-value of Welch's analysis of variance, or None.
        is_unbalanced: p below 0.001: assignment or logging is suspect.
        reason: Reason for an undefined p-value, or None.
    """

    p_value: float | None
    is_unbalanced: bool
    reason: str | None = None


def check_covariate_balance(covariate: Mean) -> CovariateBalance:
    """Test that a covariate from before the assignment does not differ between arms.

    Args:
        covariate: Count, sum and sum of squares of the covariate, shape (k,), k >= 2.

    Returns:
        The check.

    Raises:
        ValueError: If there are fewer than two arms.

    Source: `experiments.stats.frequentist.omnibus.welch_anova`; threshold as GrowthBook.

    >>> covariate = Mean(
    ...     n=np.array([1_000.0, 1_000.0]),
    ...     sum=np.array([480.0, 490.0]),
    ...     sum_squares=np.array([1_100.0, 1_150.0]),
    ... )
    >>> check_covariate_balance(covariate).is_unbalanced
    False
    """
    test = welch_anova(covariate)
    return CovariateBalance(
        p_value=test.p_value,
        is_unbalanced=test.p_value is not None and test.p_value < ALARM,
        reason=test.reason,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TooGood:
    """Twyman's law: a figure that looks interesting is usually wrong.

    Attributes:
        is_suspicious: True if the lift is more likely a mistake than an effect.
        p_value: Two-sided p-value of a lift this large under the prior; None without a prior.
    """

    is_suspicious: bool
    p_value: float | None


def check_too_good(lift: float, se: float, *, prior: NormalPrior | None = None) -> TooGood:
    """Flag a lift that is too good (or bad) to be true.

    It is suspicious when it exceeds 50 % by more than noise explains (twice its standard error
    from 0), or when finished experiments make it a one in a thousand surprise.

    Args:
        lift: Observed lift.
        se: Its standard error, positive.
        prior: Prior of lifts from finished experiments, or None.

    Returns:
        The flag.

    Raises:
        ValueError: If a number is out of range.

    Source: Kohavi, Tang, Xu (2020), "Trustworthy online controlled experiments", chapter 3.

    >>> check_too_good(0.8, 0.1).is_suspicious, check_too_good(0.8, 0.7).is_suspicious
    (True, False)
    """
    if not abs(lift) <= LARGEST:
        raise ValueError(f"lift must be finite, got {lift}")
    if not 0 < se <= LARGEST:
        raise ValueError(f"se must be positive, got {se}")
    large = abs(lift) > SUSPICIOUS_LIFT and abs(lift) > 2 * se
    if prior is None:
        return TooGood(is_suspicious=large, p_value=None)
    p_value = float(2 * ndtr(-abs(lift - prior.mean) / np.hypot(prior.sd, se)))
    return TooGood(is_suspicious=large or p_value < ALARM, p_value=p_value)
