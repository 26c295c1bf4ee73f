"""Effect over time: hints of novelty and weekday effects, from the daily rollups."""

from dataclasses import dataclass, field
from datetime import date

from experiments.services.analysis.comparisons import VALID_AT_EVERY_LOOK
from experiments.services.analysis.daily_sums import DailyTotals
from experiments.services.analysis.metric_statistics import (
    Metric,
    is_enough,
    statistics_of,
)
from experiments.services.analysis.report import Report
from experiments.services.insights.lift_estimates import LogLift, log_lifts
from experiments.services.rollups.arm_totals import ArmTotals, totals_of
from experiments.stats.health.effect_over_time import (
    NoveltyHint,
    WeekdayHint,
    novelty_hint,
    weekday_hint,
)

# Novelty and weekdays, for each arm.
HINTS_OF_AN_ARM = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeHints:
    """One arm's effect over time, by the day of the visitors' first exposure."""

    arm: int
    novelty: NoveltyHint
    weekdays: WeekdayHint
    valid: str = VALID_AT_EVERY_LOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class _DailyLifts:
    """The lifts of one arm on the days that were large enough."""

    days: list[date] = field(default_factory=list)
    lifts: list[LogLift] = field(default_factory=list)


def time_hints(report: Report) -> tuple[TimeHints, ...]:
    """Return the hints of each arm but the control: one family, at every look.

    Arms are compared within phases. Days below the floors of a decision take no part.
    """
    if not report.comparisons or not report.rollups:
        return ()
    totals = report.daily
    family = HINTS_OF_AN_ARM * len(report.comparisons)
    return tuple(
        _hints(row.arm, daily, days=len(totals.days), family=family)
        for row, daily in zip(report.comparisons, _lifts_by_day(report, totals), strict=True)
    )


def _hints(arm: int, daily: _DailyLifts, *, days: int, family: int) -> TimeHints:
    values, ses = [lift.value for lift in daily.lifts], [lift.se for lift in daily.lifts]
    weekdays = [day.weekday() for day in daily.days]
    return TimeHints(
        arm=arm,
        novelty=novelty_hint(values, ses, family=family),
        weekdays=weekday_hint(values, ses, weekdays, days=days, family=family),
    )


def _lifts_by_day(report: Report, totals: DailyTotals) -> list[_DailyLifts]:
    """Return for each arm but the control its lifts, in the order of the days."""
    experiment = report.experiment
    metric = Metric(experiment.primary_metric)
    statistics = totals.new_statistics(lambda cells: statistics_of(experiment, cells))
    arms = [_DailyLifts() for _ in report.comparisons]
    rows = zip(totals.days, _arms_by_day(totals), log_lifts(statistics), strict=True)
    for day, of_arms, lifts in rows:
        has_enough = [is_enough(metric, total) for total in of_arms]
        for arm, lift in enumerate(lifts):
            if lift and has_enough[0] and has_enough[arm + 1]:
                arms[arm].days.append(day)
                arms[arm].lifts.append(lift)
    return arms


def _arms_by_day(totals: DailyTotals) -> list[list[ArmTotals]]:
    """Return for each day the totals of the arms, over all strata."""
    groups: list[list[list[ArmTotals]]]
    groups = [[[] for _ in range(totals.shape[2])] for _ in totals.days]
    for (day, _, arm), cell in totals.cells.items():
        groups[day][arm].append(cell)
    return [[totals_of(cells) for cells in of_arms] for of_arms in groups]
