"""Orders: of the conversions to a goal with one order number, one counts and the others are kept.

It is decided in the transaction that stores them, and a unique index holds between transactions:
the first to be stored counts. One thing goes before that. Anybody can claim order numbers with a
public key, so where page and server name different visitors for an order, the server is right.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
from django.db.models import F

from experiments.models import ConversionOrder, Event, PendingBatch

REPEATED = int(Event.Flag.REPEATED)

# Event id and site, as events are identified.
EventKey = tuple[UUID, int]
OrderKey = tuple[int, str]


class OrderClaim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Order number of a conversion, as a digest; `by_server`: a server key came with it."""

    # Stored by position; never reorder.
    digest: str
    by_server: bool


class Stored(Protocol):
    """Fields of an event that the decision needs."""

    @property
    def event_id(self) -> UUID: ...
    @property
    def site_id(self) -> int: ...
    @property
    def visitor(self) -> str: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def flags(self) -> int: ...
    @property
    def order(self) -> OrderClaim | None: ...


def repeated_events(rows: Sequence[Stored]) -> set[EventKey]:
    """Return which of these events repeat an order; call it in the transaction that stores them.

    An event that is flagged already, as in a file of another installation, stays so.
    """
    # Always in this order, so that two transactions cannot deadlock.
    claims = sorted(_claims(rows), key=lambda pair: (pair[1], pair[0].event_id))
    fresh = [(row, key) for row, key in claims if not row.flags & REPEATED]
    _insert(fresh, is_counted=True)
    holders = _holders({key for _, key in claims})
    repeated = {_event_key(row) for row, _ in claims if row.flags & REPEATED}
    by_event = {_event_key(row): row for row in rows}
    for row, key in fresh:
        holder = holders[key]
        if holder.event_id == row.event_id:
            continue
        if _knows_better(row, holder, by_event):
            holders[key] = _hand_over(row, holder)
            repeated.add((holder.event_id, holder.site_id))
        else:
            repeated.add(_event_key(row))
    _insert([pair for pair in claims if _event_key(pair[0]) in repeated], is_counted=False)
    return repeated


def release_orders(*, site_id: int, event_ids: Iterable[UUID], now: datetime) -> None:
    """Forget the orders of events that go; where one counted, a repeat of it counts from now on."""
    own = ConversionOrder.objects.filter(site=site_id, event_id__in=list(event_ids))
    digests = sorted(own.filter(is_counted=True).values_list("digest", flat=True))
    own.delete()
    moved = [_promoted(site_id, digest) for digest in digests]
    _queue([key for key in moved if key], F("flags").bitand(~REPEATED), at=now)


def forget_orders(first_id: UUID) -> int:
    """Forget the orders of events with smaller ids, which are dropped; return how many."""
    deleted, _ = ConversionOrder.objects.filter(event_id__lt=first_id).delete()
    return deleted


def _claims(rows: Sequence[Stored]) -> list[tuple[Stored, OrderKey]]:
    return [(row, (row.site_id, row.order.digest)) for row in rows if row.order is not None]


def _event_key(row: Stored) -> EventKey:
    return row.event_id, row.site_id


def _insert(claims: Iterable[tuple[Stored, OrderKey]], *, is_counted: bool) -> None:
    """Insert orders of events; leave out events, and counted orders, that are there."""
    ConversionOrder.objects.bulk_create(
        [
            ConversionOrder(
                event_id=row.event_id,
                site_id=site_id,
                digest=digest,
                is_counted=is_counted,
                by_server=row.order is not None and row.order.by_server,
            )
            for row, (site_id, digest) in claims
        ],
        ignore_conflicts=True,
    )


def _holders(keys: set[OrderKey]) -> dict[OrderKey, ConversionOrder]:
    """Return the events that count, by order."""
    rows = ConversionOrder.objects.filter(
        site__in={site_id for site_id, _ in keys},
        digest__in={digest for _, digest in keys},
        is_counted=True,
    )
    return {(row.site_id, row.digest): row for row in rows}


def _knows_better(
    row: Stored, holder: ConversionOrder, by_event: Mapping[EventKey, Stored]
) -> bool:
    """Return whether a server names another visitor than the page whose event counts so far."""
    if row.order is None or not row.order.by_server or holder.by_server:
        return False
    if ConversionOrder.objects.filter(event_id=row.event_id, site=row.site_id).exists():
        return False  # Sent again, and decided before.
    counted = (
        by_event.get((holder.event_id, holder.site_id))
        or Event.objects.filter(event_id=holder.event_id, site=holder.site_id).first()
    )
    return counted is not None and counted.visitor != row.visitor


def _hand_over(row: Stored, holder: ConversionOrder) -> ConversionOrder:
    """Let this event count in place of the one that did."""
    ConversionOrder.objects.filter(event_id=holder.event_id, site=holder.site_id).update(
        is_counted=False
    )
    _insert([(row, (row.site_id, holder.digest))], is_counted=True)
    _queue([(holder.event_id, holder.site_id)], F("flags").bitor(REPEATED), at=row.received_at)
    return ConversionOrder(
        event_id=row.event_id,
        site_id=row.site_id,
        digest=holder.digest,
        is_counted=True,
        by_server=True,
    )


def _promoted(site_id: int, digest: str) -> EventKey | None:
    """Let the first repeat of an order count; return its event, if there is one."""
    repeats = ConversionOrder.objects.filter(site=site_id, digest=digest, is_counted=False)
    row = repeats.order_by("-by_server", "event_id").first()
    if row is None:
        return None
    ConversionOrder.objects.filter(event_id=row.event_id, site=site_id).update(is_counted=True)
    return row.event_id, site_id


def _queue(keys: Sequence[EventKey], flags: object, *, at: datetime) -> None:
    """Give stored events other flags, and queue them for folding again."""
    if not keys:
        return
    batch = PendingBatch.objects.create(n_events=0, stored_at=at)
    n_events = sum(
        Event.objects.filter(event_id=event_id, site=site_id).update(flags=flags, batch=batch.pk)
        for event_id, site_id in keys
    )
    if n_events:
        PendingBatch.objects.filter(pk=batch.pk).update(n_events=n_events)
    else:
        batch.delete()
