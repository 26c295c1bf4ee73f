"""OFREP client over a keep-alive connection, with a deadline for the answer."""

import json
import logging
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

logger = logging.getLogger(__name__)

PATH = "/ofrep/v1/evaluate/flags"

_local = threading.local()


def evaluate(
    *, url: str, key: str, context: Mapping[str, Any], timeout_s: float
) -> list[dict[str, Any]]:
    """Return the flags of every slot of the site; none when the service is down or slow."""
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    body = json.dumps({"context": context})
    # A connection that the service has closed meanwhile fails at once; a new one is tried.
    for is_last in (False, True):
        connection = _connection(url, timeout_s, is_new=is_last)
        try:
            connection.request("POST", urlsplit(url).path.rstrip("/") + PATH, body, headers)
            response = connection.getresponse()
            content = response.read()
        except TimeoutError:
            connection.close()
            break
        except (OSError, HTTPException):
            connection.close()
            continue
        if response.status == 200:
            flags: list[dict[str, Any]] = json.loads(content)["flags"]
            return flags
        logger.warning("ctaopt: the service answered %s", response.status)
        return []
    logger.warning("ctaopt: no answer from %s within %s s", url, timeout_s)
    return []


def close() -> None:
    """Hang up: the connection that this thread keeps."""
    known: HTTPConnection | None = getattr(_local, "connection", None)
    if known is not None:
        known.close()


def _connection(url: str, timeout_s: float, *, is_new: bool) -> HTTPConnection:
    known: HTTPConnection | None = getattr(_local, "connection", None)
    if known is not None and not is_new and _local.url == url:
        return known
    close()
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    _local.connection, _local.url = kind(parts.netloc, timeout=timeout_s), url
    connection: HTTPConnection = _local.connection
    return connection
