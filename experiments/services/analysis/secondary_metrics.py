"""Secondary metrics of an experiment: lifts with a controlled false discovery rate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from experiments.models import Experiment, GoalRollup, SecondaryMetric, Variant
from experiments.services.analysis.comparisons import (
    compare_once,
    is_sequential,
    last_look,
    schedule_of,
)
from experiments.services.analysis.currencies import mixed_goals
from experiments.services.analysis.daily_sums import (
    DailyTotals,
    daily_totals,
    with_goal_rows,
)
from experiments.services.analysis.metric_statistics import Metric, is_enough, statistics_of_metric
from experiments.services.analysis.report import Report
from experiments.services.analysis.rollup_source import Counts
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.estimation.comparisons import Comparison, Comparisons
from experiments.stats.estimation.contrasts import raw_estimates
from experiments.stats.estimation.multiplicity import Correction, adjust_p_values, interval_levels
from experiments.stats.estimation.sufficient_statistics import FloatArray, SufficientStatistics
from experiments.stats.sequential.looks import Schedule, compare_looks

CORRECTION: Correction = "bh"
Means = tuple[float, float]


class Missing(StrEnum):
    """Reasons for which a secondary metric has no reading. Stored in answers of the API."""

    TOO_FEW = "too_few"
    PLAN_RUNS = "plan_runs"
    SEVERAL_CURRENCIES = "several_currencies"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondaryReading:
    """One arm on one secondary metric; the interval agrees with the adjusted p-value.

    `means` are those of the control and of the arm. `p_value_adjusted` holds the false discovery
    rate over all secondary metrics and arms at the experiment's alpha. `comparison` is None where
    `missing` names the reason.
    """

    arm: int
    name: str
    metric: str
    goal: str
    means: Means | None
    comparison: Comparison | None
    p_value_adjusted: float | None
    is_found: bool
    missing: Missing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Sums of one metric, of shape `(D, S, K)`, and the reasons to leave arms out."""

    metric: SecondaryMetric
    statistics: SufficientStatistics
    missing: tuple[Missing | None, ...]
    means: tuple[Means | None, ...]


def secondary_readings(report: Report, counts: Counts) -> tuple[SecondaryReading, ...]:
    """Return every secondary metric of every arm but the control, metric by metric.

    The report's own rule holds: at every look of a sequential plan, at the planned end of a fixed
    one, within phases of equal shares, without what was known before (CUPED). At most one query;
    none without secondary metrics.
    """
    experiment = report.experiment
    metrics = list(experiment.secondary_metrics.all()) if report.comparisons else []
    if not metrics:
        return ()
    variants = list(experiment.variants.all())
    daily = daily_totals(report.rollups, variants, report.strata)
    schedule = schedule_of(experiment, daily, report.strata, report.as_of)
    plan = report.plan
    if plan and plan.read_until:
        daily = daily.until(daily.days.index(plan.read_until))
    goal_rows = list(counts.goals()) if any(metric.goal for metric in metrics) else []
    sums = [_sums(metric, report, daily, goal_rows) for metric in metrics]
    return _readings(sums, variants, schedule if is_sequential(experiment) else None, report)


def _is_waiting(report: Report) -> bool:
    """Return whether a fixed plan has not reached its end, before which it is not read."""
    experiment = report.experiment
    is_live = experiment.origin == Experiment.Origin.LIVE
    is_over = report.plan is not None and report.plan.is_over
    return is_live and not is_sequential(experiment) and not is_over


def _sums(
    metric: SecondaryMetric, report: Report, daily: DailyTotals, goal_rows: Iterable[GoalRollup]
) -> _Sums:
    kind = Metric(metric.metric)
    rows = [row for row in goal_rows if row.goal == metric.goal]
    variants = list(report.experiment.variants.all())
    totals = with_goal_rows(daily, rows, variants, report.strata) if metric.goal else daily
    enough = [is_enough(kind, arm) for arm in totals.arms()]
    is_waiting = _is_waiting(report)
    missing = tuple(_missing(enough=enough[0] and arm, is_waiting=is_waiting) for arm in enough[1:])
    means = _means(kind, totals.arms())
    if kind in Experiment.METRICS_OF_VALUES and metric.goal in mixed_goals(report.currencies):
        missing, means = (Missing.SEVERAL_CURRENCIES,) * len(missing), (None,) * len(means)
    return _Sums(
        metric=metric,
        statistics=totals.statistics(lambda cells: statistics_of_metric(kind, cells)),
        missing=missing,
        means=means,
    )


def _means(kind: Metric, arms: Sequence[ArmTotals]) -> tuple[Means | None, ...]:
    """Return the means of the control and of each other arm; None where one has no visitors."""
    control, *others = raw_estimates(statistics_of_metric(kind, arms)).mean.tolist()
    pairs = [(control, mean) for mean in others]
    return tuple(pair if np.isfinite(pair).all() else None for pair in pairs)


def _missing(*, enough: bool, is_waiting: bool) -> Missing | None:
    if is_waiting:
        return Missing.PLAN_RUNS
    return None if enough else Missing.TOO_FEW


def _readings(
    sums: Sequence[_Sums], variants: Sequence[Variant], schedule: Schedule | None, report: Report
) -> tuple[SecondaryReading, ...]:
    """Return the readings, adjusted over all metrics and arms together."""
    alpha = report.experiment.alpha
    p_values = np.array([_p_values(one, schedule, alpha) for one in sums])
    # What is not read counts in the family: it was chosen before the start.
    family = p_values.ravel()
    adjusted = adjust_p_values(family, CORRECTION).reshape(p_values.shape)
    levels = interval_levels(family, CORRECTION, alpha).reshape(p_values.shape)
    return tuple(
        _reading(one, variant.arm, index, row, adjusted[place, index], alpha)
        for place, one in enumerate(sums)
        for index, (variant, row) in enumerate(
            zip(variants[1:], _compare(one.statistics, schedule, levels[place]).rows(), strict=True)
        )
    )


def _p_values(one: _Sums, schedule: Schedule | None, alpha: float) -> FloatArray:
    """Return the p-values of the arms, shape `(K - 1,)`; NaN where one is not read."""
    is_read = np.array([reason is None for reason in one.missing])
    p_values = _compare(one.statistics, schedule, np.array(alpha)).p_value
    return np.where(is_read, p_values, np.nan)


def _compare(
    statistics: SufficientStatistics, schedule: Schedule | None, level: FloatArray
) -> Comparisons:
    if schedule is None:
        return compare_once(last_look(statistics), level)
    return compare_looks(statistics, schedule, level=level).comparisons


def _reading(
    one: _Sums, arm: int, index: int, row: Comparison, adjusted: np.float64, alpha: float
) -> SecondaryReading:
    missing = one.missing[index]
    p_value = None if np.isnan(adjusted) else float(adjusted)
    return SecondaryReading(
        arm=arm,
        name=str(one.metric),
        metric=one.metric.metric,
        goal=one.metric.goal,
        means=one.means[index],
        comparison=row if missing is None else None,
        p_value_adjusted=p_value,
        is_found=p_value is not None and p_value <= alpha,
        missing=missing,
    )
