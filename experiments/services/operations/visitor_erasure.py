"""Erasure of a visitor: events, contributions to every experiment, and late copies.

Entries that wait in the stream meet the suppression list when they are stored; dead entries are
read and rewritten here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from experiments.models import ErasedVisitor, Event, Site
from experiments.redis_errors import redis_error
from experiments.selectors import events
from experiments.services.catalogue.access_log import COMMAND_LINE, Actor, Kind, record_access
from experiments.services.catalogue.site_secrets import stored_names
from experiments.services.events.orders import release_orders
from experiments.services.events.redis_stream import configured_stream
from experiments.services.events.stream_codec import erase_dead_rows
from experiments.services.events.suppression_list import refuse_visitor
from experiments.services.rollups.accumulator import RollupAccumulator
from experiments.services.rollups.folding import lock_experiments
from experiments.services.rollups.postgres_fold import forget_days


class NotErasedError(Exception):
    """Something of the visitor may be left: erase again, once the named service answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Result of an erasure; `was_known` is also True for a visitor erased shortly before."""

    n_events: int
    n_experiments: int
    was_known: bool


def erase_visitor(*, site: Site, visitor: str, now: datetime, by: Actor = COMMAND_LINE) -> Erasure:
    """Erase a visitor from a site; the rollups are then those of a count without them.

    Broken off in the middle it is done again: nothing comes back in between.

    Raises:
        NotErasedError: If Redis does not answer: its dead entries may still name the visitor.
    """
    names = stored_names(site_id=site.pk, visitor=visitor)
    stone, *others = [refuse_visitor(site_id=site.pk, visitor=name, now=now) for name in names]
    n_stored, n_experiments = _erase(site, names, stone)
    n_dead = _erase_dead_entries(site, names)
    if n_dead:
        ErasedVisitor.objects.filter(pk=stone.pk).update(n_events=F("n_events") + n_dead)
    erasure = Erasure(
        n_events=n_stored + n_dead,
        n_experiments=n_experiments,
        was_known=bool(n_stored or n_dead or n_experiments or _was_erased(stone, *others)),
    )
    if erasure.was_known:
        # Counts only: the history must not keep whom the erasure forgot.
        note = f"events: {erasure.n_events}, experiments: {n_experiments}"
        record_access(site, Kind.ERASED, at=now, by=by, note=note)
    return erasure


def _was_erased(*stones: ErasedVisitor) -> bool:
    return any(stone.n_events for stone in stones)


def _erase_dead_entries(site: Site, names: Sequence[str]) -> int:
    stream = configured_stream()
    if stream is None:
        return 0
    try:
        return erase_dead_rows(stream, site_id=site.pk, names=names)
    except redis_error() as error:
        raise NotErasedError(
            "Not all is erased; repeat it. Redis does not answer, and its dead entries may "
            f"name the visitor: {error}"
        ) from error


@transaction.atomic
def _erase(site: Site, names: Sequence[str], stone: ErasedVisitor) -> tuple[int, int]:
    """Return how many events and contributions to experiments are gone."""
    experiment_ids = events.experiments_of_visitors(site_id=site.pk, visitors=list(names))
    booked = events.outcomes_on_site(site_id=site.pk, names=names)
    locked = lock_experiments(experiment_ids | {row.experiment_id for row in booked})
    # Read again under the lock: a fold may have booked in between.
    booked = events.outcomes_on_site(site_id=site.pk, names=names)
    accumulator = RollupAccumulator()
    for row in booked:
        accumulator.remove(locked[row.experiment_id], row)
    accumulator.write()
    own = events.events_of_visitor(site_id=site.pk, names=names)
    ids = own.filter(type=Event.Type.CONVERSION).values_list("event_id", flat=True)
    release_orders(site_id=site.pk, event_ids=ids, now=stone.erased_at)
    n_events, _ = Event.objects.filter(site=site, visitor__in=names).delete()
    for name in names:
        forget_days(site_id=site.pk, visitor=name)
    # Known as long as the tombstone stands, even if only a contribution was left.
    n_erased = n_events or len(booked)
    ErasedVisitor.objects.filter(pk=stone.pk).update(n_events=F("n_events") + n_erased)
    return n_events, len(booked)
