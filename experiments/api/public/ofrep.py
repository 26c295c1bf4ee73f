"""OFREP 0.3.0: a slot is a flag, its value is the CTA.

What released clients need beyond the specification: `variant`, `value` and `reason` in every
answer, `errorDetails` in every error, and an ETag over the evaluated body, because clients keep
theirs when an attribute changes.
"""

from typing import Any

import msgspec
from django.conf import settings

from experiments.api.public.access import site_of
from experiments.api.public.http import (
    RefusedError,
    Request,
    Response,
    etag_of,
    has_etag,
    json_body,
    json_response,
)
from experiments.api.public.metrics import count_evaluation
from experiments.services.messages import Identifier
from experiments.services.serving import (
    Evaluation,
    NoWordingError,
    UnknownSlotError,
    evaluate_slot,
)
from experiments.services.snapshot import ServedSite, SnapshotStore

PREFIX = "/ofrep/v1/evaluate/flags"
# OFREP's words for errors.
UNKNOWN_SLOT = "FLAG_NOT_FOUND"
NO_WORDING = "GENERAL"

Context = dict[str, Any]


def evaluate_one(request: Request, store: SnapshotStore) -> Response:
    """POST /ofrep/v1/evaluate/flags/{slot}."""
    site = site_of(request, store.current())
    slot = request.path[len(PREFIX) + 1 :]
    try:
        context = _context(request)
    except RefusedError as error:
        return json_response(error.status, _failure(slot, error.code, error.details))
    return json_response(*_flag(site, slot, context))


def evaluate_all(request: Request, store: SnapshotStore) -> Response:
    """POST /ofrep/v1/evaluate/flags."""
    site = site_of(request, store.current())
    context = _context(request)
    response = json_response(200, {"flags": [_flag(site, slot, context)[1] for slot in site.slots]})
    etag = etag_of(response.body)
    if has_etag(request, etag):
        return Response(status=304, headers=(("ETag", etag),))
    return response.with_headers(("ETag", etag))


def _flag(site: ServedSite, slot: str, context: Context) -> tuple[int, dict[str, Any]]:
    """Return status and body of one evaluation, as both endpoints give it."""
    try:
        evaluation = evaluate_slot(site, slot, visitor=context["targetingKey"], attributes=context)
    except UnknownSlotError:
        count_evaluation(site=site.key, slot="", reason=UNKNOWN_SLOT)
        return 404, _failure(slot, UNKNOWN_SLOT, f"unknown slot {slot!r}")
    except NoWordingError as error:
        count_evaluation(site=site.key, slot=slot, reason=NO_WORDING)
        return 400, _failure(slot, NO_WORDING, str(error))
    count_evaluation(site=site.key, slot=slot, reason=evaluation.reason)
    return 200, _success(evaluation)


def _success(evaluation: Evaluation) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
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


def _failure(slot: str, code: str, details: str) -> dict[str, str]:
    return {"key": slot, "errorCode": code, "errorDetails": details}


def _context(request: Request) -> Context:
    """Return the visitor's attributes; `targetingKey` is among them and can be recorded."""
    content = json_body(request, max_bytes=settings.CTAOPT_MAX_BODY_BYTES)
    context = content.get("context", {}) if isinstance(content, dict) else None
    if not isinstance(context, dict):
        raise RefusedError(400, code="INVALID_CONTEXT", details="context: must be an object")
    visitor = context.get("targetingKey")
    if visitor is None or visitor == "":
        details = "context.targetingKey: needed"
        raise RefusedError(400, code="TARGETING_KEY_MISSING", details=details)
    try:
        msgspec.convert(visitor, type=Identifier)
    except msgspec.ValidationError as error:
        details = "context.targetingKey: needs 1 to 200 characters, no control characters"
        raise RefusedError(400, code="INVALID_CONTEXT", details=details) from error
    return context
