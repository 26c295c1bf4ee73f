"""Arms against the control, by the experiment's metric and plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from experiments.models import Experiment, Rollup, Variant
from experiments.stats.fixed import Comparison, Comparisons, Test, compare_fixed
from experiments.stats.multiplicity import Correction, adjust_p_values, interval_levels
from experiments.stats.sequential import PLANNED_VISITORS, compare_sequential
from experiments.stats.sufficient import Mean, Proportion, SufficientStatistics, stack_arms

CORRECTION: Correction = "holm"
Metric = Experiment.Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTotals:
    """The rollups of one arm, added up."""

    visitors: int = 0
    clicking_visitors: int = 0
    converting_visitors: int = 0
    value_sum: Decimal = Decimal(0)
    value_sum_squares: Decimal = Decimal(0)
    quarantined_visitors: int = 0

    def plus(self, row: Rollup) -> "ArmTotals":
        return ArmTotals(
            **{name: getattr(self, name) + getattr(row, name) for name in self.__slots__}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One comparison under one rule; its interval agrees with the adjusted p-value."""

    comparison: Comparison
    p_value_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResult:
    """One arm against the control.

    `fixed` is valid for one look that was planned; `anytime` at every look. An experiment whose
    figures were imported, or with a fixed horizon, has only the first.
    """

    arm: int
    variant_id: int
    fixed: Reading
    anytime: Reading | None

    @property
    def decisive(self) -> Reading:
        """Return the reading on which the verdict rests."""
        return self.anytime or self.fixed


def compare_arms(
    experiment: Experiment, variants: Sequence[Variant], totals: Sequence[ArmTotals]
) -> tuple[ComparisonResult, ...]:
    """Return every arm but the control against it, Holm-adjusted."""
    statistics = statistics_of(experiment, totals)
    fixed = _fixed_readings(statistics, experiment.alpha)
    anytime: Sequence[Reading | None] = [None] * len(fixed)
    if is_sequential(experiment):
        anytime = _anytime_readings(statistics, experiment, variants)
    return tuple(
        ComparisonResult(arm=variant.arm, variant_id=variant.pk, fixed=one, anytime=other)
        for variant, one, other in zip(variants[1:], fixed, anytime, strict=True)
    )


def is_sequential(experiment: Experiment) -> bool:
    """Imported figures are looked at once: whoever measured them decided when to stop."""
    is_live = experiment.origin == Experiment.Origin.LIVE
    return is_live and experiment.plan == Experiment.Plan.SEQUENTIAL


def statistics_of(experiment: Experiment, totals: Sequence[ArmTotals]) -> SufficientStatistics:
    """Return the sufficient statistics of the primary metric, control first."""
    return stack_arms([_statistics_of_arm(experiment, total) for total in totals])


def successes_of(experiment: Experiment, total: ArmTotals) -> int | None:
    """Return the visitors who did what the metric counts; None for a metric of values."""
    return {
        Metric.CLICK_RATE: total.clicking_visitors,
        Metric.CONVERSION_RATE: total.converting_visitors,
    }.get(Metric(experiment.primary_metric))


def _statistics_of_arm(experiment: Experiment, total: ArmTotals) -> SufficientStatistics:
    successes = successes_of(experiment, total)
    if successes is not None:
        return Proportion(n=total.visitors, sum=successes)
    return Mean(
        n=total.visitors,
        sum=float(total.value_sum),
        sum_squares=float(total.value_sum_squares),
    )


def _fixed_readings(statistics: SufficientStatistics, alpha: float) -> list[Reading]:
    # Rates: the z-test that pools the arms, the same statement as the two-arm chi-squared.
    test: Test = "pooled_z" if isinstance(statistics, Proportion) else "welch"
    p_values = compare_fixed(statistics, alpha=alpha, test=test).p_value
    levels = interval_levels(p_values, CORRECTION, alpha)
    return _readings(p_values, compare_fixed(statistics, alpha=levels, test=test))


def _anytime_readings(
    statistics: SufficientStatistics, experiment: Experiment, variants: Sequence[Variant]
) -> list[Reading]:
    alpha = experiment.alpha
    shares = np.array([float(variant.share) for variant in variants])
    total = experiment.planned_visitors or PLANNED_VISITORS * len(variants) / 2
    # Of all planned visitors, those whom a comparison's two arms get.
    planned_n = total * (shares[0] + shares[1:])
    p_values = compare_sequential(
        statistics, planned_n=planned_n, alpha=alpha, shares=shares
    ).p_value
    levels = interval_levels(p_values, CORRECTION, alpha)
    result = compare_sequential(
        statistics, planned_n=planned_n, alpha=alpha, level=levels, shares=shares
    )
    return _readings(p_values, result)


def _readings(p_values: np.ndarray, comparisons: Comparisons) -> list[Reading]:
    adjusted = adjust_p_values(p_values, CORRECTION)
    return [
        Reading(comparison=row, p_value_adjusted=None if np.isnan(p_value) else float(p_value))
        for row, p_value in zip(comparisons.rows(), adjusted, strict=True)
    ]
