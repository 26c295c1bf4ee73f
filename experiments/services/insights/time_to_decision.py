"""Visitors and days a running experiment still needs, at the traffic of its last days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Experiment
from experiments.services.analysis.comparisons import planned_pairs
from experiments.services.analysis.report import Report
from experiments.services.insights.lift_estimates import LiftEstimate
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.planning.mid_experiment_power import Outlook, outlook
from experiments.stats.sequential.plan_boundary import Stage, plan_multiplier

# Without planned visitors: a lift that is worth a test of wordings.
TARGET_LIFT = 0.1
# A week, so that every weekday counts once.
RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft:
    """Visitors and days to the planned end, or until a lift of `target` is likely found.

    `target` is None if the plan itself states the number of visitors. `power` is today's
    chance to find the target.
    """

    visitors_per_day: float
    visitors_left: float | None
    days_left: float | None
    target: float | None = None
    power: float | None = None


def time_left(report: Report, estimates: Sequence[LiftEstimate | None]) -> TimeLeft | None:
    """Return the outlook of a running experiment; None before its first whole day."""
    experiment = report.experiment
    rate = visitors_per_day(report)
    if experiment.status != Experiment.Status.RUNNING or rate is None or not report.comparisons:
        return None
    if experiment.planned_visitors is not None:
        visitors_left = max(float(experiment.planned_visitors - _visitors(report)), 0.0)
        days = visitors_left / rate if rate else None
        return TimeLeft(visitors_per_day=rate, visitors_left=visitors_left, days_left=days)
    return _until_powered(report, estimates, rate)


def visitors_per_day(report: Report) -> float | None:
    """Return the mean of the last whole days, at most seven; None before there is one."""
    started_at = report.experiment.started_at
    if started_at is None:
        return None
    zone = report.experiment.zone_of_days
    today = calendar_day(report.as_of, zone)
    # Whole days only: the first began in the middle, today is not over.
    first = max(calendar_day(started_at, zone) + timedelta(days=1), today - RECENT)
    days = (today - first).days
    if days < 1:
        return None
    return sum(row.visitors for row in report.days if first <= row.day < today) / days


def _until_powered(
    report: Report, estimates: Sequence[LiftEstimate | None], rate: float
) -> TimeLeft | None:
    candidates = [
        (index, estimate)
        for index, estimate in enumerate(estimates)
        if estimate is not None and report.arms[index + 1].share  # A dropped arm learns no more.
    ]
    if not candidates:
        return None
    # The noisiest comparison is decided last.
    index, estimate = max(candidates, key=lambda pair: pair[1].effect_se)
    forecast = _outlook(report, index, estimate, rate)
    return TimeLeft(
        visitors_per_day=rate,
        visitors_left=forecast.visitors_left,
        days_left=forecast.days_left,
        target=TARGET_LIFT,
        power=forecast.power_now,
    )


def _outlook(report: Report, index: int, estimate: LiftEstimate, rate: float) -> Outlook:
    """Return the engine's outlook; without planned visitors every plan is sequential."""
    experiment, alpha = report.experiment, report.experiment.alpha
    level = alpha / len(report.comparisons)
    pair_share = report.arms[0].share + report.arms[index + 1].share
    planned = planned_pairs(experiment, list(experiment.variants.all()))[index]

    def critical(n: FloatArray) -> FloatArray:
        time = n * pair_share / planned
        # The test would be read once then: at the plan's end, or at whatever comes after it.
        stage = np.where(time < 1, Stage.RUNNING, Stage.END).astype(np.int8)
        return plan_multiplier(time, level=level, alpha=alpha, stage=stage)

    return outlook(
        target=TARGET_LIFT * estimate.base,
        se=estimate.effect_se,
        n=_visitors(report),
        critical=critical,
        visitors_per_day=rate,
    )


def _visitors(report: Report) -> int:
    return sum(arm.visitors for arm in report.arms)
