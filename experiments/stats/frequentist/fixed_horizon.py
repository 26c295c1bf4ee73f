"""Fixed-horizon tests and intervals: one analysis at the planned end."""

from typing import Literal

import numpy as np
from scipy import special

from experiments.stats.estimation.comparisons import (
    Comparisons,
    check_alpha,
    check_arms,
    comparisons,
)
from experiments.stats.estimation.contrasts import (
    Contrasts,
    as_arrays,
    contrasts,
    first_of_two,
    where_defined,
)
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.mantel_haenszel import mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    SufficientStatistics,
    Values,
)
from experiments.stats.estimation.undefined_reasons import Reason, ReasonArray, first_reason
from experiments.stats.frequentist.pooled_score_intervals import (
    Counts,
    score_effect_ends,
    score_lift_ends,
)

Test = Literal["welch", "pooled_z"]


def compare_fixed(
    statistics: SufficientStatistics, *, alpha: Values = 0.05, test: Test = "welch"
) -> Comparisons:
    """Compare every arm with the control at one planned look.

    Args:
        statistics: Arms on the last axis, K >= 2, control first.
        alpha: Two-sided error rate in (0, 1); an array gives each comparison its own.
        test: `welch` is Welch's t-test with Fieller's interval for the lift. `pooled_z`, for
            proportions, pools the variance of the two arms as the chi-squared test does, and
            its score intervals hold exactly the values that it does not reject: better at low
            or unequal counts, and defined where one arm has no click.

    Returns:
        Effects, lifts, intervals at level 1 - alpha and p-values.

    Raises:
        ValueError: If there are fewer than two arms, alpha is not in (0, 1), or `pooled_z` is
            asked for a metric that is not a proportion or has a covariate.

    Source: Welch (1947), Biometrika 34; Fieller (1954), J. R. Stat. Soc. B 16.

    >>> both = Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))
    >>> result = compare_fixed(both).rows()[0]
    >>> round(result.p_value, 6), [round(end, 6) for end in result.lift_interval]
    (0.012315, [0.032789, 0.30427])
    """
    check_arms(statistics)
    check_alpha(alpha)
    if test == "pooled_z":
        return _compare_pooled(statistics, np.asarray(alpha, dtype=np.float64))
    return _compare_welch(contrasts(estimate(statistics)), alpha)


def compare_fixed_within_phases(
    statistics: SufficientStatistics, *, alpha: Values = 0.05
) -> Comparisons:
    """Compare every arm with the control within phases, at one planned look.

    Args:
        statistics: Phases on the axis before the last, arms on the last, control first.
        alpha: Two-sided error rate in (0, 1); an array gives each comparison its own.

    Returns:
        Effects, lifts, intervals at level 1 - alpha and p-values, as `compare_fixed` with Welch's
        test gives for a single phase.

    Raises:
        ValueError: As `compare_fixed`.

    Source: `mantel_haenszel_contrasts`, with Satterthwaite's degrees of freedom.
    """
    check_alpha(alpha)
    return _compare_welch(mantel_haenszel_contrasts(statistics), alpha)


def _compare_welch(contrast: Contrasts, alpha: Values) -> Comparisons:
    with np.errstate(all="ignore"):
        # The lower quantile: 1 - alpha/2 would round to 1 for an alpha below 1e-16.
        multiplier = -special.stdtrit(contrast.dof, np.asarray(alpha, dtype=np.float64) / 2)
    return comparisons(contrast, multiplier, p_value=_welch_p_value(contrast))


def pooled_z_p_values(statistics: SufficientStatistics) -> FloatArray:
    """Return the p-values of `compare_fixed` with `pooled_z`, without its intervals.

    Args:
        statistics: Rates without a covariate; arms on the last axis, K >= 2, control first.

    Returns:
        P-values in [0, 1], shape `(..., K - 1)`; NaN where undefined.

    Raises:
        ValueError: As `compare_fixed`.

    >>> both = Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))
    >>> pooled_z_p_values(both).round(6).tolist()
    [0.01232]
    """
    check_arms(statistics)
    _, p_values, _ = _pooled_test(*_pairs(statistics))
    return p_values


def wilson_interval(
    clicks: Values, visitors: Values, *, alpha: float = 0.05
) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's score interval for one click rate.

    Args:
        clicks: Visitors who clicked, 0 <= clicks <= visitors; scalar or array.
        visitors: Visitors; the interval of nobody is (NaN, NaN).
        alpha: Error rate in (0, 1).

    Returns:
        Low and high ends in [0, 1], of the broadcast shape.

    Raises:
        ValueError: If clicks or visitors are out of range or alpha is not in (0, 1).

    Source: Wilson (1927), J. Am. Stat. Assoc. 22.

    >>> [round(float(end), 4) for end in wilson_interval(0, 20)]
    [0.0, 0.1611]
    """
    check_alpha(alpha)
    counts = Proportion(n=visitors, sum=clicks)
    n, total = as_arrays(counts.n, counts.sum)
    square = special.ndtri(alpha / 2) ** 2
    with np.errstate(all="ignore"):
        centre = (total + square / 2) / (n + square)
        width = np.sqrt(square * (total * (n - total) / n + square / 4)) / (n + square)
        low = np.where(total == 0, 0.0, np.maximum(centre - width, 0))
        high = np.where(total == n, 1.0, np.minimum(centre + width, 1))
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def _welch_p_value(contrast: Contrasts) -> FloatArray:
    with np.errstate(all="ignore"):
        statistic = np.abs(contrast.effect) / contrast.standard_error
        # The lower tail of -t keeps p-values far below 1e-16, which 1 - cdf rounds to 0.
        return 2 * special.stdtr(contrast.dof, -statistic)


def _compare_pooled(statistics: SufficientStatistics, alpha: FloatArray) -> Comparisons:
    control, arm = _pairs(statistics)
    effect, p_value, reason = _pooled_test(control, arm)
    with np.errstate(all="ignore"):
        lift = np.where(control[0] > 0, effect / (control[0] / control[1]), np.nan)
    low, high, lift_low, lift_high = _score_ends(control, arm, alpha)
    no_lift = first_reason((control[0] == 0, Reason.ZERO_CONTROL))
    lift_reason = first_of_two(np.where(reason == Reason.NO_VISITORS, reason, no_lift), reason)
    return Comparisons(
        effect=effect,
        effect_low=where_defined(reason, low),
        effect_high=where_defined(reason, high),
        lift=lift,
        lift_low=where_defined(lift_reason, lift_low),
        lift_high=where_defined(lift_reason, lift_high),
        p_value=p_value,
        reason=reason,
        lift_reason=lift_reason,
    )


def _pairs(statistics: SufficientStatistics) -> tuple[Counts, Counts]:
    """Return the control's clicks and visitors, and those of the other arms."""
    if not isinstance(statistics, Proportion) or statistics.has_covariate:
        kind = type(statistics).__name__
        raise ValueError(f"test must be 'welch' for {kind} or with a covariate: 'pooled_z'")
    n, total = as_arrays(statistics.n, statistics.sum)
    return (total[..., :1], n[..., :1]), (total[..., 1:], n[..., 1:])


def _pooled_test(control: Counts, arm: Counts) -> tuple[FloatArray, FloatArray, ReasonArray]:
    """Return the effects, and the p-values where there is no reason against them."""
    with np.errstate(all="ignore"):
        pooled = (control[0] + arm[0]) / (control[1] + arm[1])
        variance = pooled * (1 - pooled) * (1 / control[1] + 1 / arm[1])
        effect = arm[0] / arm[1] - control[0] / control[1]
        p_value = 2 * special.ndtr(-np.abs(effect) / np.sqrt(variance))
    fewer = np.minimum(control[1], arm[1])
    reason = first_reason(
        (fewer == 0, Reason.NO_VISITORS),
        (fewer == 1, Reason.ONE_VISITOR),
        (variance == 0, Reason.NO_VARIANCE),
    )
    return effect, where_defined(reason, p_value), reason


def _score_ends(
    control: Counts, arm: Counts, alpha: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    z = -special.ndtri(alpha / 2)
    # Nobody's interval is not used; one visitor keeps its arithmetic finite.
    (clicks_a, n_a), (clicks_b, n_b) = control, arm
    pair = (clicks_a, np.maximum(n_a, 1)), (clicks_b, np.maximum(n_b, 1))
    return *score_effect_ends(*pair, z), *score_lift_ends(*pair, z)
