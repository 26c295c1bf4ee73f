"""OFREP 0.3.0: a slot is a flag, its value is the CTA.

What released clients need beyond the specification: `variant`, `value` and `reason` in every
answer, `errorDetails` in every error, and an ETag over the evaluated body, because clients keep
theirs when an attribute changes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlencode

from django.conf import settings

from experiments.api.public.access import CORS_HEADERS, Asker, admit, asker_of, request_limit
from experiments.api.public.edge_settings import edge_settings
from experiments.api.public.http import (
    JSON,
    RefusedError,
    Request,
    Response,
    encode_json,
    etag_of,
    has_etag,
    json_body,
    json_response,
)
from experiments.api.public.page_context import with_page
from experiments.api.public.prometheus import count_evaluation
from experiments.event_schema.messages import PRINTABLE
from experiments.event_schema.visitor_ids import as_visitor, visitor_fault_text
from experiments.services.catalogue.key_use import key_uses
from experiments.services.serving.arm_assignment import MEASURED
from experiments.services.serving.evaluation import (
    Evaluation,
    NoWordingError,
    UnknownSlotError,
    evaluate_slot,
    flag_content,
)
from experiments.services.serving.snapshot import ServedSite, Snapshot
from experiments.services.serving.snapshot_store import SnapshotStore

PREFIX = "/ofrep/v1/evaluate/flags"
# OFREP's words for errors.
UNKNOWN_SLOT = "FLAG_NOT_FOUND"
NO_WORDING = "GENERAL"
MAX_VISITOR_LENGTH = 200
# What an OFREP client may call its JSON; curl's own choice is not among them.
JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)

Context = dict[str, Any]

rate_limit = request_limit(settings.CTAOPT_RATE_LIMIT_PER_S)
_printable = re.compile(PRINTABLE).match


@dataclass(slots=True, kw_only=True)
class Written:
    """An evaluation as it is sent: alone, and as one flag of many."""

    content: Mapping[str, Any]
    response: Response
    flag: bytes
    # As it is counted; an unknown slot has no name.
    counted_slot: str
    reason: str


def evaluate_one(request: Request, store: SnapshotStore) -> Response:
    """POST /ofrep/v1/evaluate/flags/{slot}."""
    snapshot = store.current()
    site = _checked_asker(request, snapshot).site
    slot = request.path[len(PREFIX) + 1 :]
    try:
        context = _context(request)
    except RefusedError as error:
        return json_response(error.status, _failure(slot, error.code, error.details))
    written = flag_of(site, slot, context, snapshot.revision)
    return written.response


def evaluate_all(request: Request, store: SnapshotStore) -> Response:
    """POST /ofrep/v1/evaluate/flags."""
    snapshot = store.at_least(_stream_revision(request)) if request.query else store.current()
    asker = _checked_asker(request, snapshot)
    site = asker.site
    context = _context(request)
    if asker.key == site.client_key and request.header("origin"):
        # A page's snippet asks for all slots; a server has no origin.
        path = context.get("path", "")
        key_uses.note_page(site.pk, path if isinstance(path, str) else "")
    written = [_flag(site, slot, context, snapshot.revision) for slot in site.slots]
    for one in written:  # Counted once all are there: one that has to wait is tried again.
        count_evaluation(site.key, one.counted_slot, one.reason)
    evaluated = b'{"flags":[%b]%b' % (
        b",".join([one.flag for one in written]),
        _event_streams(site),
    )
    # Over what was evaluated; the revision beside it moves with any site. Weak, therefore.
    by_page = b',"byPage":true' if site.varies_by_page else b""
    etag = f"W/{etag_of(evaluated + by_page)}"
    if has_etag(request, etag):
        return Response(status=304, headers=(("ETag", etag),))
    body = b'%b,"metadata":{"revision":%d%b}}' % (evaluated, snapshot.revision, by_page)
    return Response(status=200, body=body, headers=(JSON, ("ETag", etag)))


def _stream_revision(request: Request) -> int:
    """Return the revision that the client has from a stream; 0 without one."""
    text = parse_qs(request.query).get("flagConfigEtag", [""])[0].strip('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _event_streams(site: ServedSite) -> bytes:
    """Return the address of the change stream, as a further member of the answer."""
    if not settings.CTAOPT_STREAM_URL:
        return b""
    url = f"{settings.CTAOPT_STREAM_URL}?{urlencode({'key': site.client_key})}"
    return b',"eventStreams":%b' % encode_json([{"type": "sse", "url": url}])


def _checked_asker(request: Request, snapshot: Snapshot) -> Asker:
    asker = asker_of(request, snapshot)
    admit(request, asker, rate_limit, now=perf_counter())
    return asker


def flag_of(site: ServedSite, slot: str, context: Context, revision: int) -> Written:
    """Evaluate one slot, and count it; an error is an answer too."""
    written = _flag(site, slot, context, revision)
    count_evaluation(site.key, written.counted_slot, written.reason)
    return written


def _flag(site: ServedSite, slot: str, context: Context, revision: int) -> Written:
    try:
        evaluation = evaluate_slot(site, slot, visitor=context["targetingKey"], attributes=context)
    except UnknownSlotError:
        failure = _written_failure(404, slot, UNKNOWN_SLOT, f"unknown slot {slot!r}")
        failure.counted_slot = ""
        return failure
    except NoWordingError as error:
        return _written_failure(400, slot, NO_WORDING, str(error))
    written: Written | None = evaluation.written
    if written is None:
        written = evaluation.written = _written(evaluation, revision)
    return written


def _written(evaluation: Evaluation, revision: int) -> Written:
    content = flag_content(evaluation)
    metadata = {**content["metadata"], "revision": revision}
    response = json_response(200, content | {"metadata": metadata})
    return Written(
        content=content,
        response=response.completed(*CORS_HEADERS),
        flag=encode_json(content),
        counted_slot=evaluation.slot,
        reason=evaluation.reason,
    )


def _written_failure(status: int, slot: str, code: str, details: str) -> Written:
    content = _failure(slot, code, details)
    response = json_response(status, content)
    return Written(
        content=content, response=response, flag=response.body, counted_slot=slot, reason=code
    )


def _failure(slot: str, code: str, details: str) -> dict[str, str]:
    return {"key": slot, "errorCode": code, "errorDetails": details}


def _context(request: Request) -> Context:
    """Return the visitor's attributes; `targetingKey` is among them and can be recorded."""
    _check_type(request)
    content = json_body(request, max_bytes=edge_settings.max_body_bytes)
    return checked_context(content.get("context", {}) if isinstance(content, dict) else None)


def checked_context(context: Any) -> Context:
    """Return the attributes with those of the page; raise RefusedError without a visitor."""
    if not isinstance(context, dict):
        raise RefusedError(400, code="INVALID_CONTEXT", details="context: must be an object")
    visitor = as_visitor(context.get("targetingKey"))
    if visitor is None or visitor == "":
        details = "context.targetingKey: needed"
        raise RefusedError(400, code="TARGETING_KEY_MISSING", details=details)
    if not is_identifier(visitor):
        details = "context.targetingKey: needs 1 to 200 characters, no control characters"
        raise RefusedError(400, code="INVALID_CONTEXT", details=details)
    # Of nobody in particular, and in no experiment, any id will do.
    if context.get(MEASURED) is not False and (fault := visitor_fault_text(visitor)):
        details = f"context.targetingKey: {fault}"
        raise RefusedError(400, code="INVALID_CONTEXT", details=details)
    is_as_sent = visitor is context["targetingKey"]
    return with_page(context if is_as_sent else context | {"targetingKey": visitor})


def _check_type(request: Request) -> None:
    """Refuse any content type but JSON; a missing one is taken as JSON."""
    content_type = request.header("content-type")
    if content_type in {"application/json", ""} or JSON_TYPE.fullmatch(content_type):
        return
    raise RefusedError(415, code="PARSE_ERROR", details="the body must be application/json")


def is_identifier(visitor: Any) -> bool:
    if not isinstance(visitor, str) or len(visitor) > MAX_VISITOR_LENGTH:
        return False
    # Nearly always the first is true, and it is ten times as quick.
    return visitor.isprintable() or _printable(visitor) is not None
