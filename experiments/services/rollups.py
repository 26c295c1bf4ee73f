"""Events folded into a row a day and arm.

What a visitor contributes is a function of all their events, whatever the order of arrival:
each fold recomputes the visitors it touches and books the difference. So folding is idempotent,
late events are safe, and a rebuild from the raw events gives the same rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from operator import add
from typing import Any

from django.db import transaction

from experiments import selectors
from experiments.models import Event, Experiment, Rollup, VisitorOutcome
from experiments.services.messages import MAX_AHEAD

BATCH = 2_000


class NothingToRebuildError(Exception):
    """The experiment's figures were imported; there are no events to count again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One visitor's contribution to one experiment."""

    variant_id: int
    day: date
    has_clicked: bool
    has_converted: bool
    value: Decimal
    is_quarantined: bool


def visitor_outcome(experiment: Experiment, events: Iterable[Event]) -> Outcome | None:
    """Return what a visitor's events, in order of time, amount to; None without an exposure."""
    rows = list(events)
    shown = [row for row in rows if row.experiment_id == experiment.pk]
    exposures = [row for row in shown if row.type == Event.Type.EXPOSURE]
    if not exposures:
        return None
    first = exposures[0]
    later = [row for row in rows if row.occurred_at >= first.occurred_at]
    converted = [row for row in later if _counts_as_conversion(row, experiment)]
    if first.variant_id is None:  # The database forbids it: event_has_what_its_type_needs.
        raise ValueError(f"exposure {first.event_id} without a variant")
    return Outcome(
        variant_id=first.variant_id,
        day=first.occurred_at.astimezone(UTC).date(),
        has_clicked=any(_is_click(row, experiment) for row in later),
        has_converted=bool(converted),
        value=sum((row.value or Decimal(0) for row in converted), Decimal(0)),
        # A click tells of an arm that was seen, even where its exposure was lost.
        is_quarantined=len({row.variant_id for row in shown}) > 1,
    )


def fold_pending(*, batch: int = BATCH) -> int:
    """Fold every event that waits, a transaction a batch; return how many were folded."""
    folded = 0
    while count := _fold_batch(batch):
        folded += count
    return folded


@transaction.atomic
def _fold_batch(limit: int) -> int:
    events = selectors.events_to_fold(limit=limit)
    visitors: dict[int, set[str]] = defaultdict(set)
    for event in events:
        visitors[event.site_id].add(event.visitor)
    # Always in the same order, so that two folds wait for each other and never in a circle.
    for site_id in sorted(visitors):
        names = sorted(visitors[site_id])
        experiments = selectors.experiments_of_visitors(site_id=site_id, visitors=names)
        _fold_visitors(site_id, names, _lock_experiments(experiments))
    Event.objects.filter(pk__in=[event.pk for event in events]).update(is_folded=True)
    return len(events)


@transaction.atomic
def rebuild_rollups(*, experiment: Experiment) -> None:
    """Count an experiment again from its raw events, replacing its rollups."""
    if experiment.origin == Experiment.Origin.IMPORTED:
        raise NothingToRebuildError(experiment.key)
    locked = _lock_experiments({experiment.pk})
    VisitorOutcome.objects.filter(experiment=experiment).delete()
    Rollup.objects.filter(experiment=experiment).delete()
    for names in _chunks(selectors.exposed_visitors(experiment), BATCH):
        _fold_visitors(experiment.slot.site_id, names, locked)


def refold_conversions(*, site_id: int, after: datetime) -> None:
    """Have conversions dated later than this folded again: an experiment ended in between.

    A clock that runs ahead dates conversions after a stop that has not happened yet. Folded
    while the experiment ran they count; by its end they do not.
    """
    # Nothing dated later can have arrived before this: only the newest events are looked at.
    earlier = Event.objects.filter(received_at__lt=after - MAX_AHEAD).order_by("-pk")
    last = earlier.values_list("pk", flat=True).first() or 0
    Event.objects.filter(
        pk__gt=last,
        site_id=site_id,
        type=Event.Type.CONVERSION,
        occurred_at__gt=after,
        is_folded=True,
    ).update(is_folded=False)


def _chunks(names: Iterator[str], size: int) -> Iterator[list[str]]:
    while chunk := list(islice(names, size)):
        yield chunk


def _fold_visitors(site_id: int, names: list[str], experiments: dict[int, Experiment]) -> None:
    """Book the difference between what these visitors amount to now and what was booked.

    The experiments are locked: those of the visitors that are to be booked.
    """
    # Read under the lock: whatever another fold booked is seen, nothing is booked twice.
    by_visitor: dict[str, list[Event]] = defaultdict(list)
    for row in selectors.events_of_visitors(site_id=site_id, visitors=names):
        by_visitor[row.visitor].append(row)
    booked = {
        (row.experiment_id, row.visitor): row
        for row in selectors.outcomes_of_visitors(
            experiment_ids=set(experiments), visitors=set(names)
        )
    }
    book = _Book()
    for visitor, events in by_visitor.items():
        for pk in experiments.keys() & {row.experiment_id for row in events}:
            new = visitor_outcome(experiments[pk], events)
            book.replace(pk, visitor, booked.get((pk, visitor)), new)
    book.write()


def _lock_experiments(keys: set[int]) -> dict[int, Experiment]:
    # Not the key: storing an event that points to the experiment need not wait for a fold.
    rows = Experiment.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    return {row.pk: row for row in rows}


class _Book:
    """Differences gathered in memory, then written in a few statements."""

    def __init__(self) -> None:
        self.deltas: dict[tuple[int, int, date], tuple[Any, ...]] = {}
        self.created: list[VisitorOutcome] = []
        self.changed: list[VisitorOutcome] = []

    def replace(
        self, experiment_id: int, visitor: str, old: VisitorOutcome | None, new: Outcome | None
    ) -> None:
        if new is None or (old is not None and _as_outcome(old) == new):
            return
        if old is not None:
            self._add(experiment_id, _as_outcome(old), sign=-1)
        self._add(experiment_id, new, sign=1)
        row = old or VisitorOutcome(experiment_id=experiment_id, visitor=visitor)
        for name in Outcome.__slots__:
            setattr(row, name, getattr(new, name))
        (self.changed if old else self.created).append(row)

    def _add(self, experiment_id: int, outcome: Outcome, *, sign: int) -> None:
        counted = 0 if outcome.is_quarantined else sign
        value = outcome.value * counted
        amounts = (
            counted,
            counted * outcome.has_clicked,
            counted * outcome.has_converted,
            value,
            value * outcome.value,
            sign * outcome.is_quarantined,
        )
        key = (experiment_id, outcome.variant_id, outcome.day)
        before = self.deltas.get(key, (0,) * len(amounts))
        self.deltas[key] = tuple(map(add, before, amounts))

    def write(self) -> None:
        VisitorOutcome.objects.bulk_create(self.created)
        VisitorOutcome.objects.bulk_update(self.changed, list(Outcome.__slots__), batch_size=500)
        for (experiment_id, variant_id, day), amounts in self.deltas.items():
            if not any(amounts):
                continue
            rollup, _ = Rollup.objects.select_for_update().get_or_create(
                experiment_id=experiment_id, variant_id=variant_id, day=day
            )
            for name, amount in zip(AMOUNTS, amounts, strict=True):
                setattr(rollup, name, getattr(rollup, name) + amount)
            # A row of zeros (its only visitor turned out to be of another day) is no row.
            if any(getattr(rollup, name) for name in AMOUNTS):
                rollup.save(update_fields=AMOUNTS)
            else:
                rollup.delete()


AMOUNTS = (
    "visitors",
    "clicking_visitors",
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "quarantined_visitors",
)


def _as_outcome(row: VisitorOutcome) -> Outcome:
    return Outcome(**{name: getattr(row, name) for name in Outcome.__slots__})


def _is_click(row: Event, experiment: Experiment) -> bool:
    return row.type == Event.Type.CLICK and row.experiment_id == experiment.pk


def _counts_as_conversion(row: Event, experiment: Experiment) -> bool:
    return (
        row.type == Event.Type.CONVERSION
        and row.goal == experiment.goal
        and _within(experiment.stopped_at, row.occurred_at)
    )


def _within(end: datetime | None, moment: datetime) -> bool:
    return end is None or moment <= end
