"""HTTP client of the scoring service, so that the web process never loads a model."""

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import propagate

MAX_ANSWER_BYTES = 8_000_000


class ServiceSilentError(Exception):
    """The scoring service cannot be reached, or does not answer as it should."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket: nothing outside this machine can reach it."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def is_answering(address: str, *, timeout_s: float) -> bool:
    """Return whether a scoring service answers at an address.

    Args:
        address: As in `post_question`.
        timeout_s: As in `post_question`.
    """
    connection = _connection(address, timeout_s)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def post_question(
    address: str,
    question: Mapping[str, Any],
    *,
    token: str,
    timeout_s: float,
    path: str = "/score",
) -> dict[str, Any]:
    """Return the service's answer to one question.

    Args:
        address: `unix:/path/of/socket` or `http://host:port`.
        question: Fields of the question.
        token: Bearer token of the service.
        timeout_s: Seconds to wait for a connection, and for each part of the answer.
        path: Path of the question.

    Raises:
        ServiceSilentError: If nobody answers, or not with 200.
        ValueError: If the address is neither.

    >>> post_question(  # doctest: +IGNORE_EXCEPTION_DETAIL
    ...     "unix:/nowhere", {}, token="t", timeout_s=1.0
    ... )
    Traceback (most recent call last):
    ...
    ServiceSilentError: unix:/nowhere: [Errno 2] No such file or directory
    """
    connection = _connection(address, timeout_s)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    # Of the trace that this call belongs to, if there is one.
    propagate.inject(headers)
    try:
        # A service that refuses does not read to the end; why it refuses can be read all the same.
        with suppress(BrokenPipeError):
            connection.request("POST", path, body=json.dumps(question), headers=headers)
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES)
        if response.status != 200:
            raise ServiceSilentError(f"{address}: answered {response.status}")
        answer: dict[str, Any] = json.loads(body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServiceSilentError(f"{address}: {error}") from error
    finally:
        connection.close()
    return answer


def _connection(address: str, timeout_s: float) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        return _UnixConnection(address.removeprefix("unix:"), timeout=timeout_s)
    parts = urlsplit(address)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"scoring address: {address!r} is neither unix:/path nor http://host:port")
    return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout_s)
