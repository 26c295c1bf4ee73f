"""Omnibus tests: chi-squared, Welch's ANOVA and the Cochran-Mantel-Haenszel test of K arms."""

from dataclasses import dataclass

import numpy as np
import scipy

from experiments.stats.estimation.comparisons import check_arms
from experiments.stats.estimation.contrasts import as_arrays
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
)
from experiments.stats.estimation.undefined_reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Omnibus:
    """Result of a test that all arms are equal.

    Args:
        test: `chi_squared`, `welch_anova` or `cochran_mantel_haenszel`.
        statistic: Chi-squared, or F.
        dof: Degrees of freedom (of the numerator, for F).
        dof_denominator: Degrees of freedom of F's denominator.
        p_value: P-value in [0, 1], or None with a `reason`.
        reason: Reason for an undefined statistic and p-value.
    """

    test: str
    statistic: float | None
    dof: float
    dof_denominator: float | None
    p_value: float | None
    reason: str | None


def chi_squared(statistics: Proportion) -> Omnibus:
    """Test by Pearson's chi-squared that all arms share one click rate.

    Args:
        statistics: One experiment, shape `(K,)`, K >= 2.

    Returns:
        The test; undefined if an arm is empty, or nobody or everybody converted.

    Raises:
        ValueError: If the shape is not `(K,)` with K >= 2.

    Source: Pearson (1900), "On the criterion that a given system of deviations...", Phil. Mag. 50.

    >>> both = Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))
    >>> round(chi_squared(both).p_value, 7)
    0.0123202
    """
    _check_one_experiment(statistics)
    n, total = as_arrays(statistics.n, statistics.sum)
    dof = float(len(n) - 1)
    rate = total.sum() / max(n.sum(), 1)
    if np.any(n == 0) or rate in (0, 1):
        reason = Reason.NO_VISITORS if np.any(n == 0) else Reason.NO_VARIANCE
        return _undefined("chi_squared", dof, reason)
    statistic = float(np.sum((total - n * rate) ** 2 / (n * rate * (1 - rate))))
    return Omnibus(
        test="chi_squared",
        statistic=statistic,
        dof=dof,
        dof_denominator=None,
        p_value=float(scipy.stats.chi2.sf(statistic, dof)),
        reason=None,
    )


def welch_anova(statistics: SufficientStatistics) -> Omnibus:
    """Test that all arms share one mean, each with its own variance.

    Args:
        statistics: One experiment, shape `(K,)`, K >= 2, of any metric.

    Returns:
        The test; undefined if an arm is empty or has no variance.

    Raises:
        ValueError: If the shape is not `(K,)` with K >= 2.

    Source: Welch (1951), "On the comparison of several mean values: an alternative approach",
    Biometrika 38.

    >>> two = Proportion(n=np.array([100.0, 100.0]), sum=np.array([10.0, 20.0]))
    >>> round(welch_anova(two).statistic, 6)
    4.0
    """
    _check_one_experiment(statistics)
    arms = estimate(statistics)
    k = len(arms.n)
    unknown = arms.reason[arms.reason != 0]
    if len(unknown):
        return _undefined("welch_anova", k - 1.0, Reason(unknown[0]))
    weight = 1 / arms.variance
    share = weight / weight.sum()
    grand_mean = np.sum(share * arms.mean)
    between = np.sum(weight * (arms.mean - grand_mean) ** 2) / (k - 1)
    imbalance = float(np.sum((1 - share) ** 2 / (arms.n - 1)))
    statistic = float(between / (1 + 2 * (k - 2) / (k**2 - 1) * imbalance))
    within = (k**2 - 1) / (3 * imbalance)
    return Omnibus(
        test="welch_anova",
        statistic=statistic,
        dof=k - 1.0,
        dof_denominator=within,
        p_value=float(scipy.stats.f.sf(statistic, k - 1, within)),
        reason=None,
    )


def cochran_mantel_haenszel(statistics: SufficientStatistics) -> Omnibus:
    """Test that all arms share one mean in each stratum, such as a phase of equal shares.

    A ratio is tested as numerator - r denominator, r being everybody's ratio: arms that are alike
    have one mean of it in each stratum, at any ratio there.

    Args:
        statistics: Strata on the first axis, arms on the second, shape `(S, K)`, K >= 2, of any
            metric.

    Returns:
        The test of equal mean scores; undefined if an arm was never beside another, or nothing
        varies.

    Source: Landis, Heyman, Koch (1978), "Average partial association in three-way contingency
    tables", Int. Stat. Rev. 46.

    >>> phases = Proportion(
    ...     n=np.array([[9000.0, 1000.0], [1000.0, 1000.0]]),
    ...     sum=np.array([[900.0, 130.0], [30.0, 43.0]]),
    ... )
    >>> round(cochran_mantel_haenszel(phases).p_value, 5)
    0.00085
    """
    check_arms(statistics)
    n, total, squares = _scores(statistics)
    dof = float(n.shape[-1] - 1)
    visitors = np.maximum(n.sum(axis=1), 1)
    mean = total.sum(axis=1) / visitors
    spread = (squares.sum(axis=1) - visitors * mean**2) / np.maximum(visitors - 1, 1)
    difference = (total - n * mean[:, None]).sum(axis=0)[1:]
    parts = (
        np.array([np.diag(row) for row in n])
        - n[:, :, None] * n[:, None, :] / (visitors[:, None, None])
    )
    covariance = (spread[:, None, None] * parts).sum(axis=0)[1:, 1:]
    if not spread.any():
        return _undefined("cochran_mantel_haenszel", dof, Reason.NO_VARIANCE)
    if np.linalg.matrix_rank(covariance) < dof:
        return _undefined("cochran_mantel_haenszel", dof, Reason.NO_VISITORS)
    statistic = float(difference @ np.linalg.solve(covariance, difference))
    return Omnibus(
        test="cochran_mantel_haenszel",
        statistic=statistic,
        dof=dof,
        dof_denominator=None,
        p_value=float(scipy.stats.chi2.sf(statistic, dof)),
        reason=None,
    )


def _scores(statistics: SufficientStatistics) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return visitors, and the sums of their scores and of the squares."""
    if isinstance(statistics, Proportion):
        n, total = as_arrays(statistics.n, statistics.sum)
        return n, total, total
    if isinstance(statistics, Mean):
        n, total, squares = as_arrays(statistics.n, statistics.sum, statistics.sum_squares)
        return n, total, squares
    if not isinstance(statistics, Ratio):
        raise TypeError(f"statistics of an unknown kind: {type(statistics).__name__}")
    n, top, bottom = as_arrays(statistics.n, statistics.numerator_sum, statistics.denominator_sum)
    ratio = top.sum() / bottom.sum() if bottom.sum() else 0.0
    squares = (
        np.asarray(statistics.numerator_sum_squares)
        - 2 * ratio * np.asarray(statistics.product_sum)
        + ratio**2 * np.asarray(statistics.denominator_sum_squares)
    )
    return n, top - ratio * bottom, squares


def _undefined(test: str, dof: float, reason: Reason) -> Omnibus:
    return Omnibus(
        test=test,
        statistic=None,
        dof=dof,
        dof_denominator=None,
        p_value=None,
        reason=reason.sentence,
    )


def _check_one_experiment(statistics: SufficientStatistics) -> None:
    check_arms(statistics)
    if len(statistics.shape) != 1:
        raise ValueError(f"arms must be one experiment's: shape {statistics.shape}")
