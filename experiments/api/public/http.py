"""The little of HTTP that the hot path needs, without a framework."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

StartResponse = Callable[..., Any]
Environ = Mapping[str, Any]
WSGIApp = Callable[[Any, StartResponse], Iterable[bytes]]

STATUS_LINES = {
    200: "200 OK",
    202: "202 Accepted",
    204: "204 No Content",
    304: "304 Not Modified",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
JSON = ("Content-Type", "application/json")
PREFLIGHT_HEADERS = (
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "content-type, if-none-match, authorization, x-api-key"),
    ("Access-Control-Max-Age", "86400"),
)
# Without this a browser client reads every ETag as null and never gets a 304.
EXPOSED = ("Access-Control-Expose-Headers", "ETag, Retry-After")

encode_json = msgspec.json.Encoder().encode


class BodyTooLargeError(Exception):
    """The body is longer than the service takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *extra: tuple[str, str]) -> "Response":
        return Response(status=self.status, body=self.body, headers=(*self.headers, *extra))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request line and headers; the body is read only when asked for."""

    method: str
    path: str
    query: str
    environ: Environ = field(repr=False)

    def header(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        return str(self.environ.get(key, ""))

    def body(self, *, max_bytes: int) -> bytes:
        """Return the body; raise BodyTooLargeError past the limit."""
        length = self.header("content-length")
        if length.isdigit() and int(length) > max_bytes:
            raise BodyTooLargeError
        content: bytes = self.environ["wsgi.input"].read(max_bytes + 1)
        if len(content) > max_bytes:
            raise BodyTooLargeError
        return content


def json_response(status: int, value: Any, *headers: tuple[str, str]) -> Response:
    return Response(status=status, body=encode_json(value), headers=(JSON, *headers))


def key_of(request: Request) -> str:
    """Return the key from `Authorization: Bearer` or `X-API-Key`; "" without one."""
    scheme, _, token = request.header("authorization").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.header("x-api-key")


def send(response: Response, start_response: StartResponse) -> list[bytes]:
    headers = [*response.headers]
    if response.status not in (204, 304):
        headers.append(("Content-Length", str(len(response.body))))
    start_response(STATUS_LINES[response.status], headers)
    return [response.body]
