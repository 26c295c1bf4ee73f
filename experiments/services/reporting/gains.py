"""Gains of an arm over the control: for a thousand visitors, or clicks, and for a month."""

from dataclasses import dataclass
from datetime import timedelta

from experiments.event_schema.calendar_days import beginning_of, days_between
from experiments.models import Experiment
from experiments.services.analysis.report import Report
from experiments.services.insights.time_to_decision import visitors_per_day
from experiments.stats.estimation.comparisons import Comparison

Interval = tuple[float, float]
Metric = Experiment.Metric
DAYS_A_MONTH = 30
# Metrics whose unit is a click, not a visitor.
PER_CLICK = frozenset({Metric.VALUE_PER_CLICK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """An amount of the primary metric, and the ends of its interval, which may be open."""

    amount: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """Gains of one arm; `per_month` is None where the traffic is unknown."""

    per_thousand: Gain
    per_month: Gain | None
    units_per_day: float | None


def gains_of(report: Report, comparison: Comparison) -> Gains | None:
    """Return what an arm brings more than the control; None where no effect is known.

    Per month of 30 days: at the traffic of the test.
    """
    if comparison.effect is None:
        return None
    ends = _ends_of_the_gain(comparison, report.arms[0].rate)

    def of(units: float, effect: float = comparison.effect) -> Gain:
        interval = None if ends is None else (ends[0] * units, ends[1] * units)
        return Gain(amount=effect * units, interval=interval)

    per_day = units_per_day(report)
    return Gains(
        per_thousand=of(1_000),
        per_month=None if per_day is None else of(per_day * DAYS_A_MONTH),
        units_per_day=per_day,
    )


def units_per_day(report: Report) -> float | None:
    """Return the visitors a day of the test, or the clicks where the metric is one a click.

    Those of the last whole days while it runs; paused or ended, of its days up to the last one
    with visitors, counted from the hour of its start to that of its end, and at least one.
    """
    visitors = sum(arm.visitors for arm in report.arms)
    experiment = report.experiment
    is_running = experiment.status == Experiment.Status.RUNNING
    rate = visitors_per_day(report) if is_running else _mean_per_day(report, visitors)
    if not rate or not visitors:
        return None
    if experiment.primary_metric in PER_CLICK:
        return rate * sum(arm.all_clicks for arm in report.arms) / visitors
    return rate


def _mean_per_day(report: Report, visitors: int) -> float | None:
    experiment = report.experiment
    if experiment.started_at is None:
        return None
    zone = experiment.zone_of_days
    last = max((row.day for row in report.days if row.visitors), default=None)
    end = experiment.stopped_at or report.as_of
    if last is not None:
        # A pause brings nobody, and is no traffic of the test.
        end = min(end, beginning_of(last + timedelta(days=1), zone))
    return visitors / max(days_between(experiment.started_at, end, zone), 1.0)


def _ends_of_the_gain(comparison: Comparison, control_rate: float | None) -> Interval | None:
    """Return the ends of the effect that those of the lift mean at the control's present rate.

    An interval of the difference itself may reach below what the control has to lose.
    """
    effect, lift, ends = comparison.effect, comparison.lift, comparison.lift_interval
    # Of several phases it is the rate that the lift is relative to.
    base = effect / lift if effect and lift else control_rate
    if base is None or ends is None:
        return comparison.effect_interval
    return ends[0] * base, ends[1] * base
