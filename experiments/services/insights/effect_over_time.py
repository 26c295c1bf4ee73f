"""Effect over time: hints of novelty and weekday effects, from the daily rollups."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from experiments.models import Rollup
from experiments.services.analysis.comparisons import VALID_AT_EVERY_LOOK
from experiments.services.analysis.metric_statistics import (
    Metric,
    is_enough,
    stratified_statistics_of,
)
from experiments.services.analysis.report import Report
from experiments.services.insights.lift_estimates import LogLift, log_lifts
from experiments.services.rollups.arm_totals import totals_of
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

    Days below the floors of a decision take no part.
    """
    if not report.comparisons or not report.rollups:
        return ()
    days = len({row.day for row in report.rollups})
    family = HINTS_OF_AN_ARM * len(report.comparisons)
    return tuple(
        _hints(row.arm, daily, days=days, family=family)
        for row, daily in zip(report.comparisons, _lifts_by_day(report), strict=True)
    )


def _hints(arm: int, daily: _DailyLifts, *, days: int, family: int) -> TimeHints:
    values, ses = [lift.value for lift in daily.lifts], [lift.se for lift in daily.lifts]
    weekdays = [day.weekday() for day in daily.days]
    return TimeHints(
        arm=arm,
        novelty=novelty_hint(values, ses, family=family),
        weekdays=weekday_hint(values, ses, weekdays, days=days, family=family),
    )


def _lifts_by_day(report: Report) -> list[_DailyLifts]:
    """Return for each arm but the control its lifts, in the order of the days."""
    experiment = report.experiment
    metric = Metric(experiment.primary_metric)
    variants = [variant.pk for variant in experiment.variants.all()]
    arms = [_DailyLifts() for _ in variants[1:]]
    for day, rows in _rollups_by_day(report.rollups).items():
        totals = [totals_of(row for row in rows if row.variant_id == pk) for pk in variants]
        has_enough = [is_enough(metric, total) for total in totals]
        for index, lift in enumerate(log_lifts(stratified_statistics_of(experiment, [totals]))):
            if lift and has_enough[0] and has_enough[index + 1]:
                arms[index].days.append(day)
                arms[index].lifts.append(lift)
    return arms


def _rollups_by_day(rollups: Sequence[Rollup]) -> dict[date, list[Rollup]]:
    groups: dict[date, list[Rollup]] = {}
    for row in sorted(rollups, key=lambda rollup: rollup.day):
        groups.setdefault(row.day, []).append(row)
    return groups
