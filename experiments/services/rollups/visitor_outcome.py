"""Outcome of one visitor in one experiment, computed from the visitor's events."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from experiments.event_schema.calendar_days import calendar_day
from experiments.event_schema.rules import MAX_AHEAD, PHASE, PRE_PERIOD
from experiments.models import Event, Exclusion, Experiment
from experiments.services.rollups.value_cap import capped
from experiments.services.rollups.visitor_events import VisitorEvent

Metric = Experiment.Metric
VALUES = Experiment.METRICS_OF_VALUES
# Plain values: looking a member of an enumeration up costs as much as the rest of a rule.
EXPOSURE, CLICK, CONVERSION = (str(kind.value) for kind in Event.Type)
BOT, INTERNAL, PREFETCH, UNEXPLAINED, BURST, REPEATED, HELD_OUT, LATE = map(int, Event.Flag)
# Events with one of these have not happened: they count only for visitors without others.
UNREAL = PREFETCH | UNEXPLAINED | BURST | LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One visitor's contribution to one experiment; the columns of a VisitorOutcome."""

    variant_id: int
    day: date
    phase: int
    has_clicked: bool
    has_converted: bool
    value: Decimal
    # In the conversion window.
    clicks: int
    conversions: int
    # Conversions in the window that repeat an order: left out.
    repeated_orders: int
    covariate: Decimal
    exclusion: Exclusion
    segments: str
    # Goals of guardrails that were reached -> total value, as text.
    goals: dict[str, str]
    # The same goals -> number of conversions.
    goal_conversions: dict[str, int]
    # Conversions with a value, by currency and goal, such as "EUR order".
    currencies: dict[str, int]


def visitor_outcome(experiment: Experiment, events: Iterable[VisitorEvent]) -> Outcome | None:
    """Return the outcome of a visitor's events, given in order of time; None without an exposure.

    Prefetched events have not happened yet, an arm that came too late was not shown, and a stranger
    may claim an arm for somebody else's id: such events count only for visitors without other
    exposures.
    """
    rows = list(events)
    happened = [row for row in rows if not row.flags & UNREAL]
    return _outcome(experiment, happened) or _outcome(experiment, rows)


def _outcome(experiment: Experiment, rows: Sequence[VisitorEvent]) -> Outcome | None:
    shown = [row for row in rows if row.experiment_id == experiment.pk]
    exposures = [row for row in shown if row.type == EXPOSURE]
    if not exposures:
        return None
    first = exposures[0]
    later = [row for row in rows if row.occurred_at >= first.occurred_at]
    end = _end_of_window(experiment, first)
    in_window = [row for row in later if row.occurred_at <= end]
    converted = [row for row in in_window if _is_conversion(row, experiment)]
    if first.variant_id is None:  # The database forbids it: event_has_what_its_type_needs.
        raise ValueError(f"an exposure without a variant at {first.occurred_at}")
    attributes = first.attributes
    reached = _guardrail_conversions(experiment, in_window)
    return Outcome(
        variant_id=first.variant_id,
        day=calendar_day(first.occurred_at, experiment.zone_of_days),
        phase=attributes.pop(PHASE, 0),
        has_clicked=any(_is_click(row, experiment) for row in later),
        has_converted=bool(converted),
        value=_total_value(converted),
        clicks=sum(_is_click(row, experiment) for row in in_window),
        conversions=len(converted),
        repeated_orders=_repeated_orders(experiment, in_window),
        covariate=_covariate(experiment, rows, until=shown[0].occurred_at),
        exclusion=_exclusion(shown, first),
        segments=" ".join(segments_of(attributes)),
        goals={goal: format(_total_value(rows), "f") for goal, rows in reached.items()},
        goal_conversions={goal: len(rows) for goal, rows in reached.items()},
        currencies=_currencies(experiment, in_window),
    )


def _exclusion(shown: Sequence[VisitorEvent], first: VisitorEvent) -> Exclusion:
    """Return the reason to leave a visitor out; `shown` is in order of time."""
    flags = reduce(or_, (row.flags for row in shown))
    if flags & BOT:
        return Exclusion.BOT
    if flags & INTERNAL:
        return Exclusion.INTERNAL
    if flags & UNEXPLAINED:
        return Exclusion.UNEXPLAINED
    if flags & BURST:
        return Exclusion.BURST
    if first.flags & LATE:
        return Exclusion.LATE
    # A click proves that its arm was seen, even if the exposure was lost.
    if len({row.variant_id for row in shown}) > 1:
        return Exclusion.SEVERAL_ARMS
    if first.flags & PREFETCH:
        return Exclusion.PREFETCH
    # The clocks that date exposures and clicks may differ by this much; more is not clock skew.
    too_early = first.occurred_at - MAX_AHEAD
    if any(row.type == CLICK and row.occurred_at < too_early for row in shown):
        return Exclusion.IMPOSSIBLE
    return Exclusion.NONE


def segments_of(attributes: Mapping[str, Any]) -> list[str]:
    """Return the segments that an exposure's attributes name, such as `device=mobile`."""
    return [f"{name}={_text(value)}" for name, value in sorted(attributes.items())]


def _text(value: Any) -> str:
    """Return the value as in JSON, strings without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def measured(experiment: Experiment, outcome: Outcome) -> Decimal:
    """Return the visitor's outcome on the primary metric; of a ratio, its numerator."""
    return {
        Metric.CLICK_RATE: Decimal(outcome.has_clicked),
        Metric.CONVERSION_RATE: Decimal(outcome.has_converted),
        Metric.VALUE_PER_VISITOR: capped(experiment, outcome.value),
        Metric.VALUE_PER_CLICK: capped(experiment, outcome.value),
        Metric.CONVERSIONS_PER_VISITOR: Decimal(outcome.conversions),
    }[Metric(experiment.primary_metric)]


def _covariate(
    experiment: Experiment, events: Iterable[VisitorEvent], *, until: datetime
) -> Decimal:
    """Return the primary metric of the pre-period, of a ratio its numerator: no arm affected it.

    It ends before the first event of the experiment, even a click whose exposure was lost: by as
    much as a clock may be wrong, for what an arm did must not date from before it. Clicks anywhere
    on the site count.
    """
    start, end = until - PRE_PERIOD, until - MAX_AHEAD
    before = [row for row in events if start <= row.occurred_at < end]
    if experiment.primary_metric == Metric.CLICK_RATE:
        return Decimal(any(row.type == CLICK for row in before))
    reached = [row for row in before if _is_conversion(row, experiment)]
    if experiment.primary_metric == Metric.CONVERSION_RATE:
        return Decimal(bool(reached))
    if experiment.primary_metric == Metric.CONVERSIONS_PER_VISITOR:
        return Decimal(len(reached))
    return capped(experiment, _total_value(reached))


def guardrail_goals(experiment: Experiment) -> set[str]:
    """Return the goals that the experiment's guardrails and secondary metrics count."""
    goals = {rail.goal for rail in experiment.guardrails.all()}
    return (goals | {metric.goal for metric in experiment.secondary_metrics.all()}) - {""}


def value_goals(experiment: Experiment) -> set[str]:
    """Return the goals whose values are a metric: primary, secondary or of a guardrail."""
    goals = {rail.goal for rail in experiment.guardrails.all() if rail.metric in VALUES}
    goals |= {row.goal for row in experiment.secondary_metrics.all() if row.metric in VALUES}
    return goals | {experiment.goal} if experiment.primary_metric in VALUES else goals


def _currencies(experiment: Experiment, in_window: Iterable[VisitorEvent]) -> dict[str, int]:
    goals = value_goals(experiment)
    if not goals:
        return {}
    counts = Counter(
        f"{row.currency} {row.goal}"
        for row in in_window
        if _is_counted(row) and row.value is not None and row.goal in goals
    )
    return dict(sorted(counts.items()))


def _guardrail_conversions(
    experiment: Experiment, in_window: Iterable[VisitorEvent]
) -> dict[str, list[VisitorEvent]]:
    goals = guardrail_goals(experiment)
    reached: dict[str, list[VisitorEvent]] = {}
    for row in in_window:
        if _is_counted(row) and row.goal in goals:
            reached.setdefault(row.goal, []).append(row)
    return dict(sorted(reached.items()))


def _total_value(conversions: Iterable[VisitorEvent]) -> Decimal:
    return sum((row.value or Decimal(0) for row in conversions), Decimal(0))


def _is_click(row: VisitorEvent, experiment: Experiment) -> bool:
    return row.type == CLICK and row.experiment_id == experiment.pk


def _is_conversion(row: VisitorEvent, experiment: Experiment) -> bool:
    return _is_counted(row) and row.goal == experiment.goal


def _is_counted(row: VisitorEvent) -> bool:
    """Return whether it is a conversion, and the one of its order that counts."""
    return row.type == CONVERSION and not row.flags & REPEATED


def _repeated_orders(experiment: Experiment, in_window: Iterable[VisitorEvent]) -> int:
    repeats = [row for row in in_window if row.flags & REPEATED]
    goals = guardrail_goals(experiment) | {experiment.goal} if repeats else set()
    return sum(row.goal in goals for row in repeats)


def _end_of_window(experiment: Experiment, first: VisitorEvent) -> datetime:
    """Return the end of the conversion window after the first exposure, or the earlier stop."""
    end = first.occurred_at + timedelta(hours=experiment.conversion_window_hours)
    return end if experiment.stopped_at is None else min(end, experiment.stopped_at)
