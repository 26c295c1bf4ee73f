"""A batch of events in, durable rows out: each event once, or a reason why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import Error, transaction

from experiments import selectors
from experiments.models import Event
from experiments.services.messages import (
    MAX_AGE,
    MAX_AHEAD,
    ConversionMessage,
    ExposureMessage,
    Message,
    ShownMessage,
)
from experiments.services.snapshot import ServedExperiment, ServedSite, ServedVariant

MAX_EVENTS = 1_000


class NotTakenError(Exception):
    """The events cannot be stored now; the client should come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a batch."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...]


def ingest(*, site: ServedSite, items: Sequence[Any], now: datetime, flags: int = 0) -> Receipt:
    """Store a batch in one transaction; return once it is durable.

    Args:
        site: Whose events they are.
        items: What was sent, not yet looked at.
        now: The time of arrival.
        flags: What is doubtful about all of them (Event.Flag): who sends, and when.

    Raises:
        NotTakenError: If the database cannot take it now. Nothing of it is stored.
    """
    rows: dict[UUID, Event] = {}
    rejected = []
    for index, item in enumerate(items):
        try:
            event = _event(site, item, now, flags)
        except ValueError as error:  # Of its shape, or of what it speaks of.
            rejected.append(Rejection(index=index, reason=str(error)))
            continue
        rows.setdefault(event.event_id, event)
    stored = _store(site, rows)
    return Receipt(
        accepted=stored,
        duplicates=len(items) - len(rejected) - stored,
        rejected=tuple(rejected),
    )


def _store(site: ServedSite, rows: dict[UUID, Event]) -> int:
    """Return how many of the events were new."""
    if not rows:
        return 0
    try:
        with transaction.atomic():
            known = selectors.known_event_ids(site_id=site.pk, event_ids=list(rows))
            new = [event for event_id, event in rows.items() if event_id not in known]
            # Another process may store the same id in between: the constraint settles it.
            Event.objects.bulk_create(new, ignore_conflicts=True)
    except Error as error:
        raise NotTakenError(str(error)) from error
    return len(new)


def _event(site: ServedSite, item: Any, now: datetime, flags: int) -> Event:
    message: Message = msgspec.convert(item, type=Message)
    if message.at > now + MAX_AHEAD:
        raise ValueError("at: lies in the future")
    if message.at < now - MAX_AGE:
        raise ValueError(f"at: is more than {MAX_AGE.days} days ago")
    event = Event(
        site_id=site.pk,
        event_id=message.id,
        type=str(message.__struct_config__.tag),
        visitor=message.visitor,
        occurred_at=message.at,
        received_at=now,
        flags=flags | site.internal.visitor_flags(message.visitor),
    )
    if isinstance(message, ConversionMessage):
        event.goal = message.goal
        event.value = None if message.value is None else Decimal(str(message.value))
        event.currency = message.currency or ""
    else:
        experiment, variant = _shown(site, message)
        event.experiment_id, event.variant_id = experiment.pk, variant.pk
        event.propensity = variant.propensity
        if isinstance(message, ExposureMessage) and message.attributes is not None:
            event.attributes = message.attributes.kept()
            if message.attributes.ctaopt_internal:
                event.flags |= Event.Flag.INTERNAL
    return event


def _shown(site: ServedSite, message: ShownMessage) -> tuple[ServedExperiment, ServedVariant]:
    """Return the arm that an exposure or click speaks of."""
    slot = site.slots.get(message.slot)
    if slot is None:
        raise ValueError(f"slot: unknown slot {message.slot!r}")
    candidates = [one for one in slot.experiments if _may_record(one, message)]
    if not candidates:
        raise ValueError(f"slot: no experiment on {message.slot!r} took part at that time")
    found = [(one, arm) for one in candidates if (arm := one.variant(message.variant))]
    if not found:
        raise ValueError(f"variant: unknown variant {message.variant!r}")
    if len(found) > 1:
        raise ValueError("experiment: needed, several on this slot have such a variant")
    return found[0]


def _may_record(experiment: ServedExperiment, message: ShownMessage) -> bool:
    if message.experiment is not None and message.experiment != experiment.key:
        return False
    ended = experiment.stopped_at
    return message.at >= experiment.started_at - MAX_AHEAD and (
        ended is None or message.at <= ended
    )
