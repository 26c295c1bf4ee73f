"""Ingestion of event batches: each event is stored once or rejected with a reason.

`accept` validates a batch, and `keep` stores it, through the stream if one is configured;
`store.store` stores the rows.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from experiments.assignment.explained_arms import explains
from experiments.assignment.sticky import PHASE_SEPARATOR, variant_and_phase
from experiments.event_schema.digests import order_digest, visitor_digest
from experiments.event_schema.ids import milliseconds, milliseconds_of, stored_id
from experiments.event_schema.messages import (
    ID_SLACK,
    MAX_AGE,
    MESSAGE_TYPES,
    ConversionMessage,
    ExposureMessage,
    Message,
    ShownMessage,
    check_stored_texts,
)
from experiments.event_schema.rules import MAX_AHEAD, PHASE, UNKNOWN_PHASE
from experiments.models import Event
from experiments.services.catalogue.holdouts import is_held_out
from experiments.services.events.group_commit import store_rows
from experiments.services.events.orders import OrderClaim
from experiments.services.events.redis_stream import configured_stream
from experiments.services.events.store import EventRow
from experiments.services.events.stream_codec import append_rows
from experiments.services.serving.preview_links import VARIANT_PREFIX
from experiments.services.serving.receipts import is_receipt_of
from experiments.services.serving.snapshot import (
    ServedExperiment,
    ServedPhase,
    ServedSite,
    ServedVariant,
)

MAX_EVENTS = 1_000

# Plain values: looking a member of an enumeration up costs as much as a comparison of times.
EXPOSURE, CLICK, CONVERSION = (str(kind.value) for kind in Event.Type)
INTERNAL, UNEXPLAINED = int(Event.Flag.INTERNAL), int(Event.Flag.UNEXPLAINED)
PREFETCH, HELD_OUT = int(Event.Flag.PREFETCH), int(Event.Flag.HELD_OUT)
LATE = int(Event.Flag.LATE)
NO_SKEW = timedelta(0)

encode = msgspec.json.Encoder().encode
_one_computes = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Outcome of a batch."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Facts about the request that brought events.

    Attributes:
        flags: Doubts about the sender that apply to all of them (Event.Flag).
        is_page: The public key came with them. A browser may keep a visitor's arm from visit to
            visit, and a stranger may claim any: an arm that the visitor cannot have been given is
            flagged. A server is believed.
        sender: Group of the sender's address (senders.addresses), if it is known.
    """

    flags: int = 0
    is_page: bool = False
    sender: int | None = None


SERVER = Origin()


def keep(accepted: "Accepted") -> Receipt:
    """Store a validated batch in one transaction; return once it is durable.

    Raises:
        store.NotTakenError: If the batch cannot be taken now. None of it is acknowledged.
    """
    stream = configured_stream()
    if stream is not None:
        return accepted.receipt(append_rows(stream, accepted.rows))
    return accepted.receipt(store_rows(accepted.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Validated batch: rows to store, and reasons for rejecting the others."""

    rows: list[EventRow]
    rejected: tuple[Rejection, ...]

    @property
    def has_unexplained(self) -> bool:
        """Return whether an arm is not explained by this configuration."""
        return any(row.flags & UNEXPLAINED for row in self.rows)

    def receipt(self, n_new: int) -> Receipt:
        """Return the answer, once the rows are durable and `n_new` of them were new."""
        return Receipt(accepted=n_new, duplicates=len(self.rows) - n_new, rejected=self.rejected)


def accept(
    *,
    site: ServedSite,
    items: Sequence[Any],
    now: datetime,
    skew: timedelta = NO_SKEW,
    origin: Origin = SERVER,
) -> Accepted:
    """Validate a batch without storing it.

    Args:
        site: Site of the events.
        items: Messages as sent, not yet validated.
        now: Time of arrival.
        skew: Correction added to their times for the error of the client's clock.
        origin: Facts about the request that brought them.
    """
    batch = _batch_context(site, now, skew, origin)
    # Python runs one thread at a time: more that compute would only delay evaluations.
    with _one_computes:
        return _accepted(batch, items)


def _accepted(batch: "_BatchContext", items: Sequence[Any]) -> Accepted:
    rows, rejected = [], []
    for index, item in enumerate(items):
        try:
            message = item if isinstance(item, MESSAGE_TYPES) else _message(item)
            rows.append(_row(batch, message))
        except ValueError as error:  # Malformed, or about something unknown.
            rejected.append(Rejection(index=index, reason=str(error)))
    return Accepted(rows=rows, rejected=tuple(rejected))


def _message(item: Any) -> Message:
    message: Message = msgspec.convert(item, type=Message)
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchContext:
    """Values common to all events of a batch, computed once for batches of up to a thousand."""

    site: ServedSite
    now: datetime
    skew: timedelta
    origin: Origin
    # By the client's clock.
    latest: datetime
    earliest: datetime
    # Times of ids, in milliseconds.
    latest_id: int
    earliest_id: int


def _batch_context(
    site: ServedSite, now: datetime, skew: timedelta, origin: Origin
) -> _BatchContext:
    return _BatchContext(
        site=site,
        now=now,
        skew=skew,
        origin=origin,
        latest=now + MAX_AHEAD - skew,
        earliest=now - MAX_AGE - skew,
        latest_id=milliseconds(now + ID_SLACK),
        earliest_id=milliseconds(now - MAX_AGE - ID_SLACK),
    )


def _row(batch: _BatchContext, message: Message) -> EventRow:
    at, visitor = message.at, message.visitor
    site = batch.site
    if at > batch.latest:
        raise ValueError("at: lies in the future")
    if at < batch.earliest:
        raise ValueError(f"at: is more than {MAX_AGE.days} days ago")
    check_stored_texts(message)
    flags = batch.origin.flags | site.internal.visitor_flags(visitor)
    # From here on nobody needs the id as it was sent, but for its hash.
    stored = visitor_digest(site.secret, visitor) if site.keeps_digests else visitor
    event_id = _partitioned_id(batch, message)
    if batch.skew:
        at += batch.skew
        message = msgspec.structs.replace(message, at=at)
    if isinstance(message, ConversionMessage):
        if is_held_out(site.holdout, visitor):
            flags |= HELD_OUT
        return _conversion_row(batch, message, event_id=event_id, stored=stored, flags=flags)
    experiment, variant, number = _shown_arm(site, message)
    phase = _phase(experiment, variant.arm, number, at, is_page=batch.origin.is_page)
    if batch.origin.is_page and not _is_explained(site, experiment, variant.arm, number, message):
        flags |= UNEXPLAINED
    kind, attributes = CLICK, "{}"
    if isinstance(message, ExposureMessage):
        kind = EXPOSURE
        attributes = _stored_attributes(message, phase)
        if message.attributes is not None and message.attributes.ctaopt_internal:
            flags |= INTERNAL
        if message.late:
            flags |= LATE
    return EventRow(
        event_id, site.pk, kind, stored, experiment.pk, variant.pk,
        None if phase is None else phase.propensities[variant.arm],
        "", None, "", attributes, at, batch.now, flags, batch.origin.sender,
    )  # fmt: skip


def _conversion_row(
    batch: _BatchContext, message: ConversionMessage, *, event_id: UUID, stored: str, flags: int
) -> EventRow:
    _refuse_value_of_a_page(batch, message)
    return EventRow(
        event_id, batch.site.pk, CONVERSION, stored, None, None, None,
        message.goal, message.amount,
        message.currency or "", "{}", message.at, batch.now, flags,
        batch.origin.sender, _order_claim(batch, message, flags),
    )  # fmt: skip


def _refuse_value_of_a_page(batch: _BatchContext, message: ConversionMessage) -> None:
    """Raise ValueError if the site wants values from servers only, and a page sends one."""
    if batch.site.values_need_server and batch.origin.is_page and message.amount is not None:
        raise ValueError("value: this site takes values with a server key only")


def _order_claim(batch: _BatchContext, message: ConversionMessage, flags: int) -> OrderClaim | None:
    """Return the order number as a digest; None without one, and of a page that nobody has seen."""
    if message.order is None or flags & PREFETCH:
        return None
    digest = order_digest(batch.site.secret, goal=message.goal, order=str(message.order))
    return OrderClaim(digest, by_server=not batch.origin.is_page)


def _partitioned_id(batch: _BatchContext, message: Message) -> UUID:
    """Return the id to store the event under; its day has a partition."""
    event_id = stored_id(message.id, at=message.at)
    made_at = milliseconds_of(event_id)
    if made_at > batch.latest_id:
        raise ValueError("id: its time lies in the future")
    if made_at < batch.earliest_id:
        raise ValueError(f"id: its time is more than {(MAX_AGE + ID_SLACK).days} days ago")
    return event_id


def _phase(
    experiment: ServedExperiment, arm: int, number: int | None, at: datetime, *, is_page: bool
) -> ServedPhase | None:
    """Return the phase that gave the arm; None if it cannot be known.

    A phase that does not exist, had not begun or gave nobody this arm is not the one. Without a
    number a server is taken to have drawn the arm just now; in a browser it may be an old one,
    which only matters once shares have changed.
    """
    if not number and len(experiment.phases) == 1:
        return experiment.phases[0]
    if number is not None:
        phase = experiment.phase_of(number, arm)
        return phase if phase is not None and phase.started_at <= at + MAX_AHEAD else None
    phase = experiment.phase_at(at)
    if is_page and not phase.has_first_shares:
        return None
    return experiment.phase_giving(arm, phase)


def _is_explained(
    site: ServedSite,
    experiment: ServedExperiment,
    arm: int,
    number: int | None,
    message: ShownMessage,
) -> bool:
    """Return whether the visitor may have been given this arm in the named phase, or in any.

    A valid receipt explains every arm. Without one the hash has to, unless the site wants receipts.
    """
    if message.receipt is not None and is_receipt_of(
        message.receipt,
        site_id=site.pk,
        experiment_id=experiment.pk,
        arm=arm,
        phase=number or 0,
        visitor=message.visitor,
    ):
        return True
    if site.needs_receipts:
        return False
    phase = None if number == UNKNOWN_PHASE else number
    return explains(experiment.allocation, message.visitor, arm, phase=phase)


def _stored_attributes(message: ExposureMessage, phase: ServedPhase | None) -> str:
    """Return the attributes as JSON, with a later phase as a segment, as its split may differ."""
    number = UNKNOWN_PHASE if phase is None else phase.number
    if message.attributes is None and not number:
        return "{}"
    attributes: dict[str, Any] = {} if message.attributes is None else message.attributes.kept()
    return encode(attributes | {PHASE: number} if number else attributes).decode()


def _shown_arm(
    site: ServedSite, message: ShownMessage
) -> tuple[ServedExperiment, ServedVariant, int | None]:
    """Return the experiment and arm of an exposure or click, and the phase named with them."""
    if message.variant.startswith(VARIANT_PREFIX):
        raise ValueError("variant: a preview is not counted")
    slot = site.slots.get(message.slot)
    if slot is None:
        raise ValueError(f"slot: unknown slot {message.slot!r}")
    candidates = [row for row in slot.experiments if _may_record(row, message)]
    if not candidates:
        raise ValueError(f"slot: no experiment on {message.slot!r} took part at that time")
    key, number = message.variant, message.phase
    if PHASE_SEPARATOR in key:
        key, number = variant_and_phase(key)
    arms = [(row, arm) for row in candidates if (arm := row.variant(key))]
    if not arms:
        raise ValueError(f"variant: unknown variant {message.variant!r}")
    if len(arms) > 1:
        raise ValueError("experiment: needed, several on this slot have such a variant")
    return *arms[0], number


def _may_record(experiment: ServedExperiment, message: ShownMessage) -> bool:
    if message.experiment is not None and message.experiment != experiment.key:
        return False
    ended = experiment.stopped_at
    return message.at >= experiment.started_at - MAX_AHEAD and (
        ended is None or message.at <= ended
    )
