"""Effect over time: hints of novelty and weekday effects, from the daily rollups."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from experiments.models import Rollup
from experiments.services.analysis.metric_statistics import statistics_of
from experiments.services.analysis.report import Report
from experiments.services.rollups.arm_totals import totals_of
from experiments.stats.decision.policy import Policy
from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.health.effect_over_time import (
    NoveltyHint,
    WeekdayHint,
    novelty_hint,
    weekday_hint,
)

# Below it the errors of a day's effect are not normal enough to be compared with other days'.
LEAST_A_DAY = Policy().minimum_conversions


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeHints:
    """One arm's effect over time, by the day of the visitors' first exposure."""

    arm: int
    novelty: NoveltyHint
    weekdays: WeekdayHint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effects:
    effects: list[float]
    ses: list[float]


def time_hints(report: Report) -> tuple[TimeHints, ...]:
    """Return a hint for each arm but the control; days with too few visitors take no part."""
    if not report.comparisons or not report.rollups:
        return ()
    days = len({row.day for row in report.rollups})
    by_day = _effects_by(report, lambda row: row.day)
    by_weekday = _effects_by(report, lambda row: row.day.weekday())
    return tuple(
        TimeHints(
            arm=row.arm,
            novelty=novelty_hint(daily.effects, daily.ses),
            weekdays=weekday_hint(weekly.effects, weekly.ses, days=days),
        )
        for row, daily, weekly in zip(report.comparisons, by_day, by_weekday, strict=True)
    )


def _effects_by(report: Report, key: Callable[[Rollup], Hashable]) -> list[_Effects]:
    """Return for each arm but the control the effects of the periods, in order."""
    experiment = report.experiment
    variants = [variant.pk for variant in experiment.variants.all()]
    arm_effects: list[_Effects] = [_Effects(effects=[], ses=[]) for _ in variants[1:]]
    for rows in _group_rollups(report.rollups, key):
        totals = [totals_of(row for row in rows if row.variant_id == pk) for pk in variants]
        contrast = contrasts(raw_estimates(statistics_of(experiment, totals)))
        for index, (effect, se) in enumerate(
            zip(contrast.effect, contrast.standard_error, strict=True)
        ):
            pair = (totals[0], totals[index + 1])
            if se > 0 and min(total.visitors for total in pair) >= LEAST_A_DAY:
                arm_effects[index].effects.append(float(effect))
                arm_effects[index].ses.append(float(se))
    return arm_effects


def _group_rollups(
    rollups: Sequence[Rollup], key: Callable[[Rollup], Hashable]
) -> list[list[Rollup]]:
    """Return the rows of each period; the periods in the order of their first day."""
    groups: dict[Hashable, list[Rollup]] = {}
    for row in sorted(rollups, key=lambda rollup: rollup.day):
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())
