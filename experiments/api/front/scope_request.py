"""A request as granian's RSGI hands it over, for the handlers of the public API."""

from typing import Any

from experiments.api.public.http import Request, bad_body


class ScopeRequest(Request):
    """Request of an RSGI scope; its body has been read before anybody asks for it."""

    __slots__ = ("_content", "_headers", "_scope")

    def __init__(self, scope: Any, content: bytes = b"") -> None:
        # Not the generated one: it takes longer than an evaluation needs for its hash.
        self.method = scope.method
        self.path = scope.path
        self.query = scope.query_string
        self.is_admitted = False
        self._scope = scope
        self._headers = scope.headers
        self._content = content

    def header(self, name: str) -> str:
        text: str = self._headers.get(name, "")
        return text

    @property
    def scheme(self) -> str:
        return str(self._scope.scheme)

    @property
    def address(self) -> str:
        return address_of(self._scope)

    def _ends_by_itself(self) -> bool:
        return True

    def _read(self, size: int) -> bytes:
        return self._content[:size]


def address_of(scope: Any) -> str:
    """Return the address of the other end; "" on a Unix socket."""
    host, _, port = str(scope.client).rpartition(":")
    return host.strip("[]") if port.isdigit() else ""


def announced_bytes(scope: Any) -> int | None:
    """Return the length of the body as announced, 0 without one; None if it comes in chunks.

    Raises:
        RefusedError: If the length is not a number.
    """
    text = scope.headers.get("content-length")
    if text is None:
        return None if "transfer-encoding" in scope.headers else 0
    if not (text.isascii() and text.isdigit()):
        raise bad_body("its Content-Length is not a number")
    return int(text[:20])
