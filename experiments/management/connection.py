"""Keep-alive connection to the service that retries after Retry-After."""

import http.client
import json
from dataclasses import dataclass
from time import sleep
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 20.0
TRIES = 6
# Doubled with every try: a service that restarts is back within the last ones.
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
COME_AGAIN = (429, 503)


class ServiceError(Exception):
    """The service cannot be reached, or refused what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: dict[str, Any]


class Connection:
    """One connection of one thread; a request is sent again until it is answered."""

    def __init__(self, url: str, *, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServiceError(f"url: {url!r} is not an http address")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.sent_again = 0

    def post(self, path: str, content: Any) -> Answer:
        """Return the answer; raise ServiceError if there is none or it is a refusal."""
        body = json.dumps(content).encode()
        fault = ""
        for attempt in range(TRIES):
            if attempt:
                self.sent_again += 1
                sleep(min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S))
            try:
                answer = self._send(path, body)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                fault = f"{type(error).__name__}: {error}"
                continue
            if answer.status in COME_AGAIN:
                fault = f"HTTP {answer.status}"
                continue
            return _accepted(path, answer)
        raise ServiceError(f"{path}: no answer after {TRIES} tries ({fault})")

    def close(self) -> None:
        self._connection.close()

    def _send(self, path: str, body: bytes) -> Answer:
        self._connection.request("POST", self._prefix + path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        try:
            parsed = json.loads(content) if content else {}
        except ValueError:
            parsed = {"error": content[:200].decode(errors="replace")}
        return Answer(status=response.status, body=parsed)


def _accepted(path: str, answer: Answer) -> Answer:
    if answer.status < 300:
        return answer
    reason = answer.body.get("errorDetails") or answer.body.get("error") or "refused"
    if answer.status == 401:
        reason = "the key is unknown"
    raise ServiceError(f"{path}: HTTP {answer.status}: {reason}")
