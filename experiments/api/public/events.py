"""POST /api/v1/events: a batch of exposures, clicks and conversions."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from experiments.api.public.access import WRITE, asker_of, network_of, site_of, too_many
from experiments.api.public.http import (
    RefusedError,
    Request,
    Response,
    client_address,
    error_response,
    json_response,
    json_value,
)
from experiments.api.public.prometheus import count_events, count_refused_events
from experiments.event_schema.messages import batch_in, clock_skew, sent_at_in
from experiments.services.events.ingestion import MAX_EVENTS, SERVER, Origin, accept, keep
from experiments.services.events.sender_flags import Sender, flags_of
from experiments.services.events.store import NotTakenError
from experiments.services.senders.addresses import sender_digest, sender_group
from experiments.services.senders.event_limits import event_limits, key_digest
from experiments.services.serving.snapshot import ServedSite
from experiments.services.serving.snapshot_store import SnapshotStore

logger = logging.getLogger(__name__)

PATH = "/api/v1/events"
RETRY_AFTER = ("Retry-After", "5")


def receive(request: Request, store: SnapshotStore) -> Response:
    """Answer 202 once the batch is durable."""
    # sendBeacon cannot set headers: a page's key may stand in the address, a secret may not.
    client_key = parse_qs(request.query).get("key", [""])[0]
    snapshot = store.current()
    site, key, is_page = asker_of(request, snapshot, client_key=client_key, scope=WRITE)
    now = datetime.now(UTC)
    network = network_of(request) if is_page else None
    items, sent_at = _batch_within_limits(request, key, network, now=now)
    # After everything that can refuse the batch.
    origin = _origin(request, site, network, now) if is_page and items else SERVER
    accept_by = partial(accept, items=items, now=now, skew=_skew(sent_at, now), origin=origin)
    accepted = accept_by(site=site)
    if accepted.has_unexplained:
        # Another process may have given the arm by shares that this one has not read yet.
        newest = store.at_least(snapshot.revision + 1)
        if newest.revision != snapshot.revision:
            site = site_of(request, newest, client_key=client_key)
            accepted = accept_by(site=site)
    try:
        receipt = keep(accepted)
    except NotTakenError as error:
        count_refused_events(site=site.key, n_events=len(items))
        # Thousands of requests fail alike: the log keeps one of a cause (`log_floods`).
        logger.exception("%s events could not be stored: %s", len(items), error)
        return error_response(503, "the events cannot be stored now; send them again", RETRY_AFTER)
    count_events(site=site.key, receipt=receipt)
    return json_response(202, receipt)


def _batch_within_limits(
    request: Request, key: str, network: str | None, *, now: datetime
) -> tuple[Sequence[Any], datetime | None]:
    """Return the batch; raise RefusedError, before it is read, beyond a limit."""
    sender = None if network is None else sender_digest(network, now=now)
    limits, digest, clock = event_limits(), key_digest(key), monotonic()
    if wait_s := limits.wait_s(digest, sender, now=clock):
        raise too_many(wait_s, "too many events with this key or from this address")
    items, sent_at = _batch(request)
    limits.spend(digest, sender, len(items), now=clock)
    return items, sent_at


def _origin(request: Request, site: ServedSite, network: str | None, now: datetime) -> Origin:
    """Return the origin of a page's request; a server's headers describe no visitor."""
    sender = None if network is None else sender_group(network, site_id=site.pk, now=now)
    flags = flags_of(_sender(request), site.internal)
    return Origin(flags=flags, is_page=True, sender=sender)


def _sender(request: Request) -> Sender:
    return Sender(
        user_agent=request.header("user-agent"),
        purpose=request.header("sec-purpose") or request.header("purpose"),
        address=client_address(request, proxies=settings.CTAOPT_PROXIES),
    )


def _batch(request: Request) -> tuple[Sequence[Any], datetime | None]:
    """Return the events and the time of sending, if given."""
    body = request.body(max_bytes=settings.CTAOPT_MAX_BODY_BYTES)
    batch = batch_in(body)
    if batch is not None:
        return _limited(batch.events), batch.sent_at
    content = json_value(body)
    items = _checked(content)
    try:
        return items, sent_at_in(content.get("sent_at"))
    except ValueError as error:
        raise _unusable(f"sent_at: {error}") from error


def _skew(sent_at: datetime | None, now: datetime) -> timedelta:
    try:
        return clock_skew(sent_at, now=now)
    except ValueError as error:
        raise _unusable(f"sent_at: {error}") from error


def _checked(content: Any) -> list[Any]:
    items = content.get("events") if isinstance(content, dict) else None
    if not isinstance(items, list):
        raise _unusable("events: must be a list")
    return _limited(items)


def _limited(items: list[Any]) -> list[Any]:
    if len(items) > MAX_EVENTS:
        raise _unusable(f"events: at most {MAX_EVENTS} in a batch, got {len(items)}")
    return items


def _unusable(reason: str) -> RefusedError:
    return RefusedError(400, code="PARSE_ERROR", details=reason)
