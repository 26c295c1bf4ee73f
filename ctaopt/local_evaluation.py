"""Evaluation for pages of this very project: the service's answer, without the network."""

import io
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from experiments.api.public import ofrep
from experiments.api.public.http import RefusedError, Request
from experiments.services.serving.snapshot_store import SnapshotStore


@cache
def _store() -> SnapshotStore:
    return SnapshotStore(max_age_s=settings.CTAOPT_SNAPSHOT_MAX_AGE_S)


def evaluate(*, key: str, context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the flags of every slot of the site; none if the key or the context is refused."""
    body = json.dumps({"context": context}).encode()
    environ = {
        "HTTP_X_API_KEY": key,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    request = Request(method="POST", path=ofrep.PREFIX, query="", environ=environ)
    try:
        flags: list[dict[str, Any]] = json.loads(ofrep.evaluate_all(request, _store()).body)[
            "flags"
        ]
    except RefusedError:
        return []
    return flags
