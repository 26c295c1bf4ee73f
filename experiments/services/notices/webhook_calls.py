"""Calls of webhooks: one signed POST to an address that was checked, within a few seconds.

The address that the name resolves to is checked, and that one is called: a name that leads
elsewhere a moment later reaches nothing. No redirect is followed, no answer is read.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from threading import Timer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy
from standardwebhooks.webhooks import Webhook as Signer
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

# For the whole call, however slowly an answer trickles in.
DEADLINE_S = 10.0
PORTS = {"https": 443, "http": 80}
# The receiver wants nothing any more, by Standard Webhooks.
GONE = 410


# Reasons why a call did not arrive. Their codes are stored; never rename.
REASONS: Mapping[str, Any] = {
    "address": gettext_lazy("This is not an address."),
    "https": gettext_lazy("The address must begin with https:// and name a host."),
    "private": gettext_lazy("The address leads to a private network, which is not allowed."),
    "timeout": gettext_lazy("No answer within 10 seconds."),
    "tls": gettext_lazy("No encrypted connection: %(value)s"),
    "connection": gettext_lazy("No connection (%(value)s)."),
    "status": gettext_lazy("The receiver answered %(value)s."),
    "gone": gettext_lazy("The receiver answered 410: it has gone."),
    "secret": gettext_lazy("Its secret cannot be read: make a new one."),
    "mail": gettext_lazy("The mail server did not take it (%(value)s)."),
}


class WebhookError(Exception):
    """A call that did not arrive, with the code of its reason and a value."""

    def __init__(self, code: str, value: object = "") -> None:
        super().__init__(f"{code}:{value}"[:300])


def reason_in_words(stored: str) -> str:
    """Return a stored reason, a code and a value, in the active language."""
    code, _, value = stored.partition(":")
    return str(REASONS[code]) % {"value": value} if code in REASONS else stored


class WebhookGoneError(WebhookError):
    """The receiver has gone for good: it is not called again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Message to a webhook: its body, the name under which it is sent once, and the secret."""

    body: str
    message_id: str
    secret: str


def allows_private() -> bool:
    """Return whether webhooks may lead to one's own network, and over plain HTTP."""
    return bool(settings.CTAOPT_DEMO or settings.CTAOPT_PRIVATE_WEBHOOKS)


def checked_address(url: str) -> SplitResult:
    """Return the parts of an address that may be called.

    Raises:
        WebhookError: If it is none, or not https, or holds a password.
    """
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise WebhookError("address") from error
    schemes = ("https", "http") if allows_private() else ("https",)
    if parts.scheme not in schemes or not is_whole:
        raise WebhookError("https")
    if parts.username or parts.password or not url.isascii() or any(map(str.isspace, url)):
        raise WebhookError("address")
    return parts


def call_webhook(url: str, message: Message, *, now: datetime) -> int:
    """Send a message; return the status of the answer, from 200 to 299.

    Raises:
        WebhookGoneError: If the receiver answers that it has gone.
        WebhookError: If the message did not arrive, or the answer is another.
    """
    parts = checked_address(url)
    try:
        status = _post(parts, message, now)
    except TimeoutError as error:
        raise WebhookError("timeout") from error
    except ssl.SSLError as error:
        raise WebhookError("tls", error.reason) from error
    except (OSError, HTTPError) as error:
        raise WebhookError("connection", type(error).__name__) from error
    if status == GONE:
        raise WebhookGoneError("gone")
    if not 200 <= status < 300:
        raise WebhookError("status", status)
    return status


def _post(parts: SplitResult, message: Message, now: datetime) -> int:
    connection = _connection(parts)
    body = message.body.encode()
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    try:
        with _deadline(connection) as is_over:
            try:
                connection.request("POST", path, body=body, headers=_headers(parts, message, now))
                status = int(connection.getresponse().status)
            except (OSError, HTTPError, ValueError):
                if not is_over:
                    raise
            # Headers that end with the connection, since it was cut, look like all of them.
            if is_over:
                raise TimeoutError
            return status
    finally:
        connection.close()


def _headers(parts: SplitResult, message: Message, now: datetime) -> dict[str, str]:
    signature = Signer(message.secret).sign(
        msg_id=message.message_id, timestamp=now.astimezone(UTC), data=message.body
    )
    return {
        "Host": parts.netloc,
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "ctaopt",
        "webhook-id": message.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def _connection(parts: SplitResult) -> HTTPConnection:
    host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    address = _checked_ip(host, port)
    if parts.scheme == "http":
        return HTTPConnection(address, port, timeout=DEADLINE_S)
    context = ssl.create_default_context()
    return HTTPSConnection(
        address,
        port,
        timeout=DEADLINE_S,
        ssl_context=context,
        server_hostname=host,
        assert_hostname=host,
    )


def _checked_ip(host: str, port: int) -> str:
    """Return an IP address of a host; none of its addresses may be private."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not allows_private() and not all(_is_public(one) for one in addresses):
        raise WebhookError("private")
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return mapped.is_global and not mapped.is_multicast


@contextmanager
def _deadline(connection: HTTPConnection) -> Iterator[list[bool]]:
    """Connect, and cut the connection once the time is over: what waits on it fails.

    The list is not empty once that has happened.
    """
    is_over: list[bool] = []
    connection.connect()
    held = connection.sock

    def cut() -> None:
        is_over.append(True)
        try:
            held.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # It has ended by itself.

    timer = Timer(DEADLINE_S, cut)
    timer.daemon = True
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
        timer.join()
