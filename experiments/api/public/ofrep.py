"""OFREP 0.3.0: a slot is a flag, its value is the CTA.

What released clients need beyond the specification: `variant`, `value` and `reason` in every
answer, `errorDetails` in every error, and an ETag over the evaluated body, because clients keep
theirs when an attribute changes.
"""

import hashlib
from typing import Any

import msgspec
from django.conf import settings

from experiments.api.public.access import site_of
from experiments.api.public.http import Request, Response, json_response
from experiments.services.serving import Evaluation, UnknownSlotError, evaluate_slot
from experiments.services.snapshot import Snapshot

PREFIX = "/ofrep/v1/evaluate/flags"
MAX_KEY_LENGTH = 200


class BadContextError(Exception):
    """The request's context cannot be used."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.body = {"errorCode": code, "errorDetails": details}


def evaluate_one(request: Request, snapshot: Snapshot) -> Response:
    """POST /ofrep/v1/evaluate/flags/{slot}."""
    site = site_of(request, snapshot)
    slot = request.path[len(PREFIX) + 1 :]
    try:
        visitor, attributes = _context(request)
        evaluation = evaluate_slot(site, slot, visitor=visitor, attributes=attributes)
    except BadContextError as error:
        return json_response(400, {"key": slot, **error.body})
    except UnknownSlotError:
        details = f"unknown slot {slot!r}"
        body = {"key": slot, "errorCode": "FLAG_NOT_FOUND", "errorDetails": details}
        return json_response(404, body)
    return json_response(200, _flag(evaluation, snapshot.revision))


def evaluate_all(request: Request, snapshot: Snapshot) -> Response:
    """POST /ofrep/v1/evaluate/flags."""
    site = site_of(request, snapshot)
    try:
        visitor, attributes = _context(request)
    except BadContextError as error:
        return json_response(400, error.body)
    flags = [
        _flag(evaluate_slot(site, slot, visitor=visitor, attributes=attributes), snapshot.revision)
        for slot in site.slots
    ]
    response = json_response(200, {"flags": flags})
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    if etag in _etags(request.header("if-none-match")):
        return Response(status=304, headers=(("ETag", etag),))
    return response.with_headers(("ETag", etag))


def _etags(header: str) -> set[str]:
    # Weak comparison: a compressing proxy writes W/ before our tag.
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _flag(evaluation: Evaluation, revision: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {"revision": revision}
    if evaluation.experiment is not None:
        metadata["experiment"] = evaluation.experiment
        metadata["arm"] = evaluation.arm
        metadata["propensity"] = evaluation.propensity
    return {
        "key": evaluation.slot,
        "reason": evaluation.reason,
        "variant": evaluation.variant,
        "value": evaluation.value,
        "metadata": metadata,
    }


def _context(request: Request) -> tuple[str, dict[str, Any]]:
    """Return the visitor and their attributes."""
    body = request.body(max_bytes=settings.CTAOPT_MAX_BODY_BYTES)
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadContextError("PARSE_ERROR", f"the body is not JSON: {error}") from error
    context = content.get("context", {}) if isinstance(content, dict) else None
    if not isinstance(context, dict):
        raise BadContextError("INVALID_CONTEXT", "context: must be an object")
    visitor = context.get("targetingKey")
    if visitor is None or visitor == "":
        raise BadContextError("TARGETING_KEY_MISSING", "context.targetingKey: needed")
    if not isinstance(visitor, str) or len(visitor) > MAX_KEY_LENGTH:
        details = f"context.targetingKey: must be a string of at most {MAX_KEY_LENGTH} characters"
        raise BadContextError("INVALID_CONTEXT", details)
    return visitor, context
