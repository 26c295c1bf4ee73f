"""Optimistic concurrency (RFC 9110, 13.1.1): `ETag` in answers, `If-Match` in requests."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

DIGITS = 32


class PreconditionFailedError(APIException):
    """A row that has changed since the caller read it."""

    status_code = 412

    def __init__(self, current: str) -> None:
        super().__init__(
            f"It has changed since you read it: its ETag is {current} now. Read it again."
        )


def etag_of(shown: Mapping[str, Any]) -> str:
    """Return the entity tag of a row as it is shown."""
    text = json.dumps(shown, cls=JSONEncoder, sort_keys=True)
    return f'"{sha256(text.encode()).hexdigest()[:DIGITS]}"'


def is_conditional(request: Request) -> bool:
    return "If-Match" in request.headers


def refuse_if_changed(request: Request, shown: Mapping[str, Any]) -> None:
    """Raise PreconditionFailedError if the caller names another state than that of the row.

    Without the header nothing is compared; `*` is any state of a row that is there.
    """
    if not is_conditional(request):
        return
    current, wanted = etag_of(shown), request.headers["If-Match"]
    if wanted.strip() != "*" and current not in parse_etags(wanted):
        raise PreconditionFailedError(current)
