"""POST /api/v1/events: a batch of exposures, clicks and conversions."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
from django.conf import settings

from experiments.api.public.access import site_of
from experiments.api.public.http import Request, Response, json_response
from experiments.services.ingestion import MAX_EVENTS, NotTakenError, ingest
from experiments.services.snapshot import Snapshot

PATH = "/api/v1/events"
RETRY_AFTER_S = "5"


def receive(request: Request, snapshot: Snapshot) -> Response:
    """Answer 202 once the batch is durable.

    The content type is not looked at: sendBeacon sends text/plain to avoid a preflight.
    """
    query_key = parse_qs(request.query).get("key", [""])[0]
    site = site_of(request, snapshot, query_key=query_key)
    items, fault = _items(request)
    if fault:
        return json_response(400, {"error": fault})
    try:
        receipt = ingest(site=site, items=items, now=datetime.now(UTC))
    except NotTakenError:
        body = {"error": "the events cannot be stored now; send them again"}
        return json_response(503, body, ("Retry-After", RETRY_AFTER_S))
    return json_response(202, receipt)


def _items(request: Request) -> tuple[list[Any], str]:
    """Return the events of the body, or what is wrong with it."""
    body = request.body(max_bytes=settings.CTAOPT_MAX_BODY_BYTES)
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        return [], f"the body is not JSON: {error}"
    items = content.get("events") if isinstance(content, dict) else None
    if not isinstance(items, list):
        return [], "events: must be a list"
    if len(items) > MAX_EVENTS:
        return [], f"events: at most {MAX_EVENTS} in a batch, got {len(items)}"
    return items, ""
