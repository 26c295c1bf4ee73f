"""Minimal HTTP requests and responses for the hot path, without a framework."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

StartResponse = Callable[..., Any]
Environ = Mapping[str, Any]
WSGIApp = Callable[[Any, StartResponse], Iterable[bytes]]

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
WITHOUT_BODY = frozenset({204, 304})
JSON = ("Content-Type", "application/json")
HTML = ("Content-Type", "text/html; charset=utf-8")
# WSGI's own checker wants a type even where there is no body.
TEXT = ("Content-Type", "text/plain; charset=utf-8")
REQUEST_ID = "X-Request-ID"

encode_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestIds:
    """Ids of the requests that are answered without Django.

    Args:
        new: Makes the id from the one that came with the request, if any; "" leaves it out.
        set: Has this thread's lines in the log name the id.
    """

    new: Callable[[str | None], str] = lambda _: ""
    set: Callable[[str], object] = bool


NO_IDS = RequestIds()


# Not frozen, like Request: a frozen one takes four times as long to make.
@dataclass(slots=True, kw_only=True)
class Response:
    """HTTP response. `is_complete`: final headers, so that it may be cached and sent again."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    is_complete: bool = False

    def with_headers(self, *extra: tuple[str, str]) -> "Response":
        return Response(status=self.status, body=self.body, headers=(*self.headers, *extra))

    def completed(self, *extra: tuple[str, str]) -> "Response":
        """Return it with these headers and its length."""
        if self.status not in WITHOUT_BODY:
            extra = (*extra, ("Content-Length", str(len(self.body))))
        response = self.with_headers(*extra)
        response.is_complete = True
        return response


class RefusedError(Exception):
    """The request is refused. Without a code the answer has no body, as OFREP wants for keys."""

    def __init__(
        self,
        status: int,
        *,
        code: str = "",
        details: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(details or status)
        self.status = status
        self.code = code
        self.details = details
        self.headers = headers


@dataclass(slots=True, kw_only=True)
class Request:
    """A request line and headers; the body is read only when asked for.

    `is_admitted`: the rate limit has let it pass; an answer that is tried again counts once.
    """

    method: str
    path: str
    query: str
    environ: Environ = field(repr=False)
    is_admitted: bool = False

    def header(self, name: str) -> str:
        """Return a header by its lower-case name; "" without one."""
        text: str = self.environ.get(_environ_name(name), "")
        return text

    @property
    def scheme(self) -> str:
        return str(self.environ.get("wsgi.url_scheme", ""))

    @property
    def address(self) -> str:
        """Address of the other end of the connection, which may be a proxy."""
        return str(self.environ.get("REMOTE_ADDR", ""))

    def body(self, *, max_bytes: int) -> bytes:
        """Return the body.

        Raises:
            RefusedError: If it is longer than allowed, compressed (a little may unpack to a lot),
                or ended before the announced length: the server hands on what an aborted
                upload left.
        """
        encoding = self.header("content-encoding").strip().lower()
        if encoding not in {"", "identity"}:
            raise RefusedError(415, code="GENERAL", details="a compressed body is not unpacked")
        announced = self._content_length()
        if announced is not None and announced > max_bytes:
            raise too_large(max_bytes)
        # Without a length nobody may read on, unless the server promises an end of the stream.
        is_chunked = announced is None and self._ends_by_itself()
        content = self._read(max_bytes + 1 if is_chunked else announced or 0)
        if len(content) > max_bytes:
            raise too_large(max_bytes)
        if announced is not None and len(content) < announced:
            raise bad_body(f"it ended after {len(content)} of {announced} bytes")
        return content

    def _content_length(self) -> int | None:
        text = self.header("content-length")
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            raise bad_body("its Content-Length is not a number")
        return int(text[:20])

    def _ends_by_itself(self) -> bool:
        return bool(self.environ.get("wsgi.input_terminated"))

    def _read(self, size: int) -> bytes:
        stream = self.environ.get("wsgi.input")
        if stream is None or size == 0:
            return b""
        try:
            content: bytes = stream.read(size)
        except OSError as error:  # The client went away.
            raise bad_body("it could not be read") from error
        return content


@cache
def _environ_name(header: str) -> str:
    """Return the WSGI name of a header; called with names from our own code only."""
    name = header.upper().replace("-", "_")
    return name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"


def too_large(max_bytes: int) -> RefusedError:
    return RefusedError(413, code="GENERAL", details=f"the body is larger than {max_bytes} bytes")


def bad_body(reason: str) -> RefusedError:
    return RefusedError(400, code="PARSE_ERROR", details=f"the body cannot be used: {reason}")


def path_of(environ: Environ) -> str:
    """Return the decoded path: PEP 3333 hands its bytes over as latin-1."""
    path: str = environ.get("PATH_INFO", "")
    if path.isascii():
        return path
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def json_body(request: Request, *, max_bytes: int) -> Any:
    """Return the body's JSON value; raise RefusedError if it has none.

    The content type is not looked at: sendBeacon sends text/plain to avoid a preflight.
    """
    return json_value(request.body(max_bytes=max_bytes))


def json_value(body: bytes) -> Any:
    """Return a body's JSON value; raise RefusedError if it has none."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:  # Not UTF-8, not JSON, nested past all sense.
        raise bad_body(f"it is not JSON ({error})") from error


def json_response(status: int, value: Any, *headers: tuple[str, str]) -> Response:
    return Response(status=status, body=encode_json(value), headers=(JSON, *headers))


def empty_response(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status=status, headers=(TEXT, *headers))


def error_response(
    status: int, details: str, *headers: tuple[str, str], code: str = "GENERAL"
) -> Response:
    """One shape for every error: released OFREP clients fail on an error without these two."""
    return json_response(status, {"errorCode": code, "errorDetails": details}, *headers)


def refusal(error: RefusedError) -> Response:
    if error.code:
        return error_response(error.status, error.details, *error.headers, code=error.code)
    return empty_response(error.status, *error.headers)


def key_of(request: Request) -> str:
    """Return the key from `Authorization: Bearer` or `X-API-Key`; "" without one."""
    header = request.header("authorization")
    if header:
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return request.header("x-api-key")


def client_address(request: Request, *, proxies: int) -> str:
    """Return the client's address, as the outermost of the own proxies received it.

    Args:
        request: Request; entries of X-Forwarded-For before the trusted ones can be forged.
        proxies: Number of own proxies in front; each appends its client's address.
    """
    if proxies:
        seen = request.header("x-forwarded-for").split(",")
        if len(seen) >= proxies and (address := seen[-proxies].strip()):
            return address
    return request.address


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def has_etag(request: Request, etag: str) -> bool:
    """Tell whether the client has this version already."""
    header = request.header("if-none-match")
    if not header or header == etag:
        return bool(header)
    # Weak comparison: a compressing proxy writes W/ before our tag.
    tags = (tag.strip().removeprefix("W/") for tag in header.split(","))
    return etag.removeprefix("W/") in tags


def send(
    response: Response, start_response: StartResponse, *, with_body: bool, request_id: str = ""
) -> list[bytes]:
    # A list of its own: whoever stands in between may add to it.
    headers = [*response.headers]
    if request_id:
        headers.append((REQUEST_ID, request_id))
    start_response(STATUS_LINES[response.status], headers)
    return [response.body] if with_body else []
