"""Calendar of tests: the days of each on its slot, and the tests that share visitors there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Experiment, Slot
from experiments.services.insights.plan_review import plan_basis
from experiments.services.lifecycle.rivals import condition_of, kept_apart
from experiments.targeting.overlap import Relation, relation

Status = Experiment.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days of one test in the time zone of its site, from the first to the last.

    `end` is None where nothing tells it; `is_expected` where it is planned or reckoned, not past.
    """

    experiment: Experiment
    start: date
    end: date | None
    is_expected: bool

    def meets(self, other: "Span") -> bool:
        """Return whether both have a day in common; an unknown end is far away."""
        ends = self.end or date.max, other.end or date.max
        return self.start <= ends[1] and other.start <= ends[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Days on which two tests of a slot share visitors; `is_certain` is false if they may not.

    `end` is None where the end of neither is known.
    """

    one: Span
    other: Span
    start: date
    end: date | None
    is_certain: bool

    @property
    def has_one_audience(self) -> bool:
        return self.one.experiment.audience_id == self.other.experiment.audience_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One slot: its tests, the earliest first, and their collisions."""

    slot: Slot
    spans: tuple[Span, ...]
    collisions: tuple[Collision, ...]


def calendar_rows(
    experiments: Iterable[Experiment], *, first: date, last: date, now: datetime
) -> list[Row]:
    """Return the slots with a test between two days, by name of site and slot.

    Args:
        experiments: Tests with slot, site, audience, namespace and standing.
        first: First day that is shown.
        last: Last day that is shown.
        now: Moment from which the days that are left are counted.
    """
    found: defaultdict[int, list[Span]] = defaultdict(list)
    for experiment in experiments:
        span = span_of(experiment, now=now)
        if span is not None and span.start <= last and (span.end or last) >= first:
            found[experiment.slot_id].append(span)
    rows = [_row(spans) for spans in found.values()]
    return sorted(rows, key=lambda row: (row.slot.site.name, row.slot.name, row.slot.pk))


def span_of(experiment: Experiment, *, now: datetime) -> Span | None:
    """Return the days of a test; None of a draft without a planned start."""
    zone = experiment.zone_of_days
    begun = experiment.started_at or experiment.starts_at
    if begun is None:
        return None
    start = calendar_day(begun, zone)
    if experiment.stopped_at is not None:
        last = calendar_day(experiment.stopped_at, zone)
        return Span(experiment=experiment, start=start, end=last, is_expected=False)
    today = calendar_day(now, zone)
    # What is late is planned for today.
    start = start if experiment.started_at else max(start, today)
    planned = calendar_day(experiment.ends_at, zone) if experiment.ends_at else None
    end = planned or _reckoned_end(experiment, start=start, today=today)
    return Span(experiment=experiment, start=start, end=end and max(end, start), is_expected=True)


def _reckoned_end(experiment: Experiment, *, start: date, today: date) -> date | None:
    """Return the day on which the plan should be reached: by its verdict, or by its plan."""
    if experiment.status == Status.DRAFT:
        basis = plan_basis(experiment)
        if basis is None or not basis.visitors_per_day:
            return None
        return _days_after(start, basis.visitors / basis.visitors_per_day)
    standing: Any = getattr(experiment, "standing", None)
    left = standing.days_left if standing else None
    return _days_after(today, left) if left is not None else None


def _days_after(day: date, days: float) -> date | None:
    """Return the day some days later; None beyond the calendar, for a test that never ends."""
    return day + timedelta(days=round(days)) if days < (date.max - day).days else None


def _row(spans: Sequence[Span]) -> Row:
    ordered = sorted(spans, key=lambda span: (span.start, span.experiment.pk))
    return Row(
        slot=ordered[0].experiment.slot,
        spans=tuple(ordered),
        collisions=tuple(_collisions(ordered)),
    )


def _collisions(spans: Sequence[Span]) -> Iterator[Collision]:
    for one, other in combinations(spans, 2):
        if not one.meets(other) or kept_apart(one.experiment, other.experiment):
            continue
        how = relation(condition_of(one.experiment), condition_of(other.experiment))
        if how is Relation.APART:
            continue
        ends = [span.end for span in (one, other) if span.end is not None]
        yield Collision(
            one=one,
            other=other,
            start=max(one.start, other.start),
            end=min(ends) if ends else None,
            is_certain=how is not Relation.UNKNOWN,
        )
