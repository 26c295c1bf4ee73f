"""Folding of events into one row per day, phase, arm and segment.

A visitor's contribution is a function of all their events, in any order of arrival:
each fold recomputes the visitors it touches and books the difference. Hence folding is idempotent,
late events are safe, and a rebuild from the raw events gives the same rows.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import islice

from django.db import connection, transaction
from django.db.models import Q

from experiments.event_schema.ids import first_id_at
from experiments.event_schema.messages import ID_SLACK, MAX_AGE
from experiments.event_schema.rules import MAX_AHEAD
from experiments.models import (
    CurrencyRollup,
    Event,
    Experiment,
    GoalRollup,
    PendingBatch,
    Rollup,
    RollupCheck,
    VisitorOutcome,
)
from experiments.selectors import events as event_selectors
from experiments.selectors import rollups
from experiments.services.rollups.accumulator import RollupAccumulator
from experiments.services.rollups.postgres_fold import fold_set, rebuild_set
from experiments.services.rollups.sender_counts import count_senders
from experiments.services.rollups.visitor_events import events_of_visitors
from experiments.services.rollups.visitor_outcome import visitor_outcome

# Events per batch. For set counting larger is cheaper, but a stop waits for one batch.
BATCH = 2_000
BATCH_OF_SETS = 50_000
# The most by which an id may be later than its event; after that nothing more can arrive.
LATEST_ID = MAX_AGE + MAX_AHEAD + ID_SLACK


class NothingToRebuildError(Exception):
    """The events are missing: the figures were imported, or the events dropped."""


def fold_pending(*, batch: int | None = None) -> int:
    """Fold all pending events, one transaction per batch; return how many were folded."""
    if batch is None:
        batch = BATCH_OF_SETS if connection.vendor == "postgresql" else BATCH
    folded = 0
    # A visitor's events are under two names until all are digests: they wait.
    if rollups.are_visitors_moving():
        return folded
    while count := _fold_batch(batch):
        folded += count
    return folded


@transaction.atomic
def _fold_batch(limit: int) -> int:
    batches = rollups.batches_to_fold(limit=limit)
    fold = _fold_in_sets if connection.vendor == "postgresql" else _fold_one_by_one
    n_events = fold(batches) if batches else 0
    PendingBatch.objects.filter(pk__in=[batch.pk for batch in batches]).delete()
    return n_events


def fold_in_experiment(experiment: Experiment, *, batches: list[int]) -> None:
    """Fold batches in one experiment only, which the caller has locked; they go on waiting."""
    count_senders(batches)
    if connection.vendor == "postgresql":
        fold_set(batches=batches, experiments=[experiment.pk])
        return
    rows = Event.objects.filter(batch__in=batches, site=experiment.slot.site_id)
    names = sorted(set(rows.order_by().values_list("visitor", flat=True)))
    for chunk in _chunks(iter(names), BATCH):
        _fold_visitors(experiment.slot.site_id, chunk, {experiment.pk: experiment})


def _fold_in_sets(batches: list[PendingBatch]) -> int:
    # Locked before an event is read: an erasure or a stop falls entirely before or after.
    sites = rollups.sites_of_batches(batches)
    earliest = min(batch.stored_at for batch in batches)
    keys = rollups.experiments_to_count(sites=sites, stopped_since=earliest - LATEST_ID)
    experiments = list(lock_experiments(keys))
    count_senders([batch.pk for batch in batches])
    return fold_set(batches=[batch.pk for batch in batches], experiments=experiments)


def _fold_one_by_one(batches: list[PendingBatch]) -> int:
    visitors: dict[int, set[str]] = defaultdict(set)
    n_events = 0
    # SQLite has one writer: nothing has to be locked first.
    count_senders([batch.pk for batch in batches])
    for site_id, visitor in rollups.visitors_of_batches(batches):
        visitors[site_id].add(visitor)
        n_events += 1
    # Always in the same order, so that two folds cannot deadlock.
    for site_id in sorted(visitors):
        names = sorted(visitors[site_id])
        experiments = event_selectors.experiments_of_visitors(site_id=site_id, visitors=names)
        _fold_visitors(site_id, names, lock_experiments(experiments))
    return n_events


@transaction.atomic
def rebuild_rollups(*, experiment: Experiment) -> None:
    """Count an experiment again from its raw events, replacing its rollups.

    Visitors whose events were dropped, in part or in full, keep their booked outcomes.
    """
    locked = lock_experiments({experiment.pk})
    if not can_be_counted_again(locked[experiment.pk]):
        raise NothingToRebuildError(experiment.key)
    RollupCheck.objects.filter(experiment=experiment).update(n_differing=0)
    if connection.vendor == "postgresql":
        rebuild_set(experiment=experiment, site_id=experiment.slot.site_id)
        return
    VisitorOutcome.objects.filter(experiment=experiment, is_settled=False).delete()
    Rollup.objects.filter(experiment=experiment).delete()
    GoalRollup.objects.filter(experiment=experiment).delete()
    CurrencyRollup.objects.filter(experiment=experiment).delete()
    _book_settled(locked[experiment.pk])
    for names in _chunks(rollups.exposed_visitors(experiment), BATCH):
        _fold_visitors(experiment.slot.site_id, names, locked)


def can_be_counted_again(experiment: Experiment) -> bool:
    """Return whether all events of the experiment are available for a recount."""
    if experiment.origin == Experiment.Origin.IMPORTED:
        return False
    if rollups.are_visitors_moving(experiment.slot.site_id):
        return False
    dropped = event_selectors.events_dropped_before()
    return dropped is None or not has_lost_its_events(experiment, before=dropped)


def has_lost_its_events(experiment: Experiment, *, before: date) -> bool:
    """Return True if it ended too early to have events with ids of this day or later."""
    midnight = datetime.combine(before, time(), tzinfo=UTC)
    return experiment.stopped_at is not None and experiment.stopped_at < midnight - LATEST_ID


def _book_settled(experiment: Experiment) -> None:
    """Book the stored outcomes of visitors whose events were dropped."""
    rows = rollups.settled_outcomes(experiment)
    while chunk := list(islice(rows, BATCH)):
        accumulator = RollupAccumulator()
        for row in chunk:
            accumulator.add_settled(experiment, row)
        accumulator.write()


def refold_late_acts(*, experiment: Experiment, after: datetime) -> None:
    """Queue clicks and conversions dated after this time for folding again, since it ended then.

    A clock that runs ahead dates them after a stop that has not happened yet. Folded while the
    experiment ran they count; after its end they must not. Conversions are the whole site's.
    """
    acts = Q(type=Event.Type.CONVERSION) | Q(type=Event.Type.CLICK, experiment=experiment)
    # Ingestion refuses older ids, so earlier partitions need not be scanned.
    late = Event.objects.filter(
        acts,
        site_id=experiment.slot.site_id,
        occurred_at__gt=after,
        event_id__gte=first_id_at(after - LATEST_ID),
    )
    batch = PendingBatch.objects.create(n_events=0, stored_at=after)
    PendingBatch.objects.filter(pk=batch.pk).update(n_events=late.update(batch=batch.pk))


def _chunks(names: Iterator[str], size: int) -> Iterator[list[str]]:
    while chunk := list(islice(names, size)):
        yield chunk


def _fold_visitors(site_id: int, names: list[str], experiments: dict[int, Experiment]) -> None:
    """Book the difference between these visitors' current and booked outcomes.

    The experiments must be locked; only theirs are booked.
    """
    # Read under the lock: bookings of other folds are visible, so nothing is booked twice.
    by_visitor = events_of_visitors(site_id=site_id, visitors=names)
    booked = {
        (row.experiment_id, row.visitor): row
        for row in rollups.outcomes_of_visitors(
            experiment_ids=set(experiments), visitors=set(names)
        )
    }
    accumulator = RollupAccumulator()
    for visitor, events in by_visitor.items():
        for pk in experiments.keys() & {row.experiment_id for row in events}:
            new = visitor_outcome(experiments[pk], events)
            accumulator.replace(experiments[pk], visitor, old=booked.get((pk, visitor)), new=new)
    accumulator.write()


def lock_experiments(keys: set[int]) -> dict[int, Experiment]:
    """Lock experiments, always in the same order, until the transaction ends."""
    # No key lock: storing an event that references the experiment need not wait for a fold.
    rows = Experiment.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=keys)
    rows = rows.select_related("slot__site").order_by("pk")
    return {row.pk: row for row in rows.prefetch_related("guardrails", "secondary_metrics")}
