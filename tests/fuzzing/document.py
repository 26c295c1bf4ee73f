"""The statuses that the OpenAPI document allows an answer to have."""

import re
from typing import Any

from drf_spectacular.generators import SchemaGenerator

Json = dict[str, Any]

METHODS = {"get", "post", "put", "patch", "delete"}
# Paths of programs; all others are pages, which no document describes.
OF_PROGRAMS = ("/api/v1/", "/api/features/", "/ofrep/", "/fragment/", "/cta", "/healthz")
OF_PROGRAMS += ("/readyz", "/metrics")
# What follows their prefix, slashes included: before Django no pattern stands.
REST = {"{visitor}", "{slot}", "{client_key}", "{version}"}
# Of a path or a method that the document does not have: nothing there, or not so.
NOT_THERE = {400, 401, 403, 404, 405, 406}
# A preflight, and what Django's framework says of a view.
OF_OPTIONS = {200, 204}


def openapi_document() -> Json:
    """Return the document as it is served."""
    document: Json = SchemaGenerator().get_schema(request=None, public=True)
    return document


class Document:
    """An OpenAPI document by paths as they are asked for."""

    def __init__(self, document: Json) -> None:
        self._paths = [
            (re.compile(_pattern(path), re.DOTALL), item)
            for path, item in document["paths"].items()
        ]

    def allows(self, method: str, path: str, status: int) -> bool:
        """Tell if the status is documented for this method and decoded path; true of pages."""
        if not path.startswith(OF_PROGRAMS):
            return True
        items = [item for pattern, item in self._paths if pattern.fullmatch(path)]
        statuses = {status for item in items for status in _statuses(item, method.lower())}
        return status in (statuses or NOT_THERE)


def _pattern(path: str) -> str:
    """Return a pattern of a path's template."""
    parts = re.split(r"(\{\w+\})", path)
    return "".join(_part(one) for one in parts)


def _part(text: str) -> str:
    if text in REST:
        return ".*"
    return "[^/]+" if text.startswith("{") else re.escape(text)


def _statuses(item: Json, method: str) -> set[int]:
    if method == "options":
        return OF_OPTIONS | NOT_THERE
    operation = item.get("get" if method == "head" else method)
    if operation is None:
        return NOT_THERE
    return {int(status) for status in operation["responses"]}
