"""Requests handed on to the process that runs Django, over a Unix socket.

A connection is made for each request: on this machine that takes less time than a look whether
a kept one still lives, and no request can meet a connection that is just being closed.
"""

import http.client
import socket
from typing import Any
from urllib.parse import quote

from experiments.api.front.scope_request import address_of
from experiments.api.public.http import Response

# Headers that tell Django of the connection of the client; from outside they are dropped.
ADDRESS, SCHEME = "x-ctaopt-address", "x-ctaopt-scheme"
REQUEST_ID = "x-request-id"
OWN = frozenset({ADDRESS, SCHEME, REQUEST_ID})
# Of one connection only (RFC 9110, 7.6.1); the length is that of the body as read.
HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade", "expect", "content-length"),
    }
)
# The front writes these itself.
NOT_ANSWERED = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "date", "server", REQUEST_ID}
)
# Characters of a path that stay as they are.
SAFE = "/:@!$&'()*+,;=~-._"


class DjangoProxy:
    """The way to the process of Django; `path` is its socket."""

    def __init__(self, path: str, *, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def ask(self, scope: Any, content: bytes, *, request_id: str) -> Response:
        """Return Django's answer to a request, which gets this id.

        Raises:
            OSError: If the process does not answer, TimeoutError if not in time.
            http.client.HTTPException: If its answer breaks off.
        """
        connection = UnixConnection(self._path, timeout=self._timeout_s)
        try:
            _send(connection, scope, content, request_id)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        headers = tuple(
            (name, value) for name, value in answer.getheaders() if name.lower() not in NOT_ANSWERED
        )
        return Response(status=answer.status, body=body, headers=headers, is_complete=True)


class UnixConnection(http.client.HTTPConnection):
    """A connection to a server that listens on a socket in the file system."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _send(connection: UnixConnection, scope: Any, content: bytes, request_id: str) -> None:
    target = quote(scope.path, safe=SAFE)
    if scope.query_string:
        target += f"?{scope.query_string}"
    connection.putrequest(scope.method, target, skip_host=True, skip_accept_encoding=True)
    headers = scope.headers.items()
    named = next((value for name, value in headers if name == "connection"), "")
    dropped = HOP_BY_HOP | OWN | {name.strip().lower() for name in named.split(",")}
    for name, value in headers:
        if name not in dropped:
            connection.putheader(name, value.encode("utf-8"))
    if "host" not in scope.headers and scope.authority:
        connection.putheader("host", scope.authority)
    connection.putheader(ADDRESS, address_of(scope))
    connection.putheader(SCHEME, scope.scheme)
    connection.putheader(REQUEST_ID, request_id)
    if content or scope.method in {"POST", "PUT", "PATCH"}:
        connection.putheader("content-length", str(len(content)))
    connection.endheaders(content or None)
