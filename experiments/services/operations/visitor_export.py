"""Export of a visitor: all that is stored of them on a site, to be handed to the person.

Raw events, rows of the rollups, entries of the stream that wait or are dead, and the record of an
erasure. Sums hold counts of many people and nothing of one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from django.db import transaction

from experiments.models import Event, Site, VisitorOutcome
from experiments.models.events import Exclusion
from experiments.redis_errors import redis_error
from experiments.selectors import events
from experiments.services.catalogue.access_log import COMMAND_LINE, Actor, Kind, record_access
from experiments.services.catalogue.site_secrets import stored_names
from experiments.services.events.redis_stream import configured_stream
from experiments.services.events.stream_codec import StreamTraces, traces_in_stream
from experiments.services.events.suppression_list import erased_at

# Keys of an experiment and its variant by the variant's primary key.
Names = Mapping[int, tuple[str, str]]
ABOUT = {
    "events": "What the website reported: CTAs shown and clicked, goals reached. No address, no "
    "page and no name is stored with them; of an order number only a digest.",
    "outcomes": "What the reports of experiments count of the visitor, by experiment.",
    "waiting": "Events that were received and are not stored yet.",
    "dead_letters": "Events that were received and could not be stored.",
    "unreadable_entries": "Damaged records that hold the ID of the visitor; only their number is "
    "known.",
    "erased_at": "The last erasure of the visitor, if it was within the last month.",
}


class NotExportedError(Exception):
    """Something of the visitor may be missing: export again, once the named service answers."""


class _Row(Protocol):
    """Fields that stored and waiting events have in common."""

    event_id: Any
    type: str
    experiment_id: int | None
    variant_id: int | None
    propensity: float | None
    goal: str
    value: Any
    currency: str
    occurred_at: datetime
    received_at: datetime
    flags: int
    sender: int | None


def export_visitor(
    *, site: Site, visitor: str, now: datetime, by: Actor = COMMAND_LINE
) -> dict[str, Any] | None:
    """Return all that is stored of a visitor on a site, as JSON; None if that is nothing.

    The history of access keeps that something was exported, with counts, without the visitor.

    Raises:
        NotExportedError: If Redis does not answer: its entries may name the visitor.
    """
    names_stored = stored_names(site_id=site.pk, visitor=visitor)
    traces = _traces_in_stream(site, names_stored)
    with transaction.atomic():
        stored = list(events.events_of_visitor(site_id=site.pk, names=names_stored))
        outcomes = events.outcomes_on_site(site_id=site.pk, names=names_stored)
        erased = erased_at(site_id=site.pk, names=names_stored)
        in_stream = traces.waiting or traces.dead or traces.n_unreadable
        if not (stored or outcomes or in_stream or erased):
            return None
        note = f"events: {len(stored)}, experiments: {len(outcomes)}"
        record_access(site, Kind.EXPORTED, at=now, by=by, note=note)
        names = {arm.pk: (arm.experiment.key, arm.key) for arm in events.arms_on_site(site)}
        orders = events.order_digests(site_id=site.pk, event_ids=[row.event_id for row in stored])
        waiting_batches = events.waiting_batches({row.batch for row in stored})
    return {
        "site": site.key,
        "visitor": visitor,
        "exported_at": now.isoformat(),
        "about": ABOUT,
        "counts": {
            "events": len(stored),
            "experiments": len(outcomes),
            "waiting": len(traces.waiting),
            "dead_letters": len(traces.dead),
            "unreadable_entries": traces.n_unreadable,
        },
        "events": [
            {
                **_event(row, names, attributes=row.attributes),
                "order_digest": orders.get(row.event_id),
                "waits_to_be_counted": row.batch in waiting_batches,
            }
            for row in stored
        ],
        "outcomes": [_outcome(row, names) for row in outcomes],
        "waiting": _of_stream(traces.waiting, names),
        "dead_letters": _of_stream(traces.dead, names),
        "erased_at": erased.isoformat() if erased else None,
    }


def _traces_in_stream(site: Site, names: Sequence[str]) -> StreamTraces:
    stream = configured_stream()
    if stream is None:
        return StreamTraces()
    try:
        return traces_in_stream(stream, site_id=site.pk, names=names)
    except redis_error() as error:
        raise NotExportedError(
            "Nothing is exported; repeat it. Redis does not answer, and its entries may name "
            f"the visitor: {error}"
        ) from error


def _keys(row: Any, names: Names) -> dict[str, str | None]:
    experiment, variant = names.get(row.variant_id, (None, None))
    return {"experiment": experiment, "variant": variant}


def _event(row: _Row, names: Names, *, attributes: Any) -> dict[str, Any]:
    return {
        "id": str(row.event_id),
        "type": row.type,
        **_keys(row, names),
        "goal": row.goal or None,
        "value": None if row.value is None else format(row.value, "f"),
        "currency": row.currency or None,
        "attributes": attributes,
        "occurred_at": row.occurred_at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "probability_of_variant": row.propensity,
        "doubts": [str(flag.name).lower() for flag in Event.Flag(row.flags)],
        "sender_group": row.sender,
    }


def _of_stream(rows: Iterable[Any], names: Names) -> list[dict[str, Any]]:
    return [
        {
            **_event(row, names, attributes=json.loads(row.attributes)),
            "order_digest": row.order.digest if row.order else None,
        }
        for row in rows
    ]


def _outcome(row: VisitorOutcome, names: Names) -> dict[str, Any]:
    return {
        **_keys(row, names),
        "first_day": row.day.isoformat(),
        "phase": row.phase,
        "has_clicked": row.has_clicked,
        "has_converted": row.has_converted,
        "clicks": row.clicks,
        "conversions": row.conversions,
        "repeated_orders": row.repeated_orders,
        "value": format(row.value, "f"),
        "value_before": format(row.covariate, "f"),
        "goals": row.goals,
        "goal_conversions": row.goal_conversions,
        "currencies": row.currencies,
        "segments": dict(part.split("=", 1) for part in row.segments.split()),
        "left_out_as": None if not row.exclusion else Exclusion(row.exclusion).name.lower(),
        "rests_on_dropped_events": row.is_settled,
    }
