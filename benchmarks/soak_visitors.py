"""Visitors of a site for the soak: each is given an arm, and reports what they saw and did."""

import contextlib
import http.client
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, sleep

from uuid6 import uuid7

EVALUATE, EVENTS = "/ofrep/v1/evaluate/flags/hero", "/api/v1/events"
# A visit that could not be brought home in this time is an error of its own.
PATIENCE_S = 60.0


@dataclass
class Site:
    """Where the visitors go, with which keys; what the service told them so far."""

    port: int
    keys: list[str]
    step: str = "start"
    acknowledged: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    visits: int = 0
    late: int = 0
    # Refusals and broken connections, by the step under way, the request and the status.
    errors: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    latencies_s: dict[str, list[float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Visitors:
    """Threads that visit the site, at a rate or as often as they can, until stopped."""

    def __init__(self, site: Site, *, threads: int, per_s: float | None) -> None:
        self._site = site
        self._pause_s = threads / per_s if per_s else 0.0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._visit, args=(number,)) for number in range(threads)
        ]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int) -> None:
        caller, due = Caller(self._site, number), monotonic()
        while not self._stopping.is_set():
            caller.visit()
            due += self._pause_s
            if self._pause_s and (ahead := due - monotonic()) > 0:
                sleep(ahead)
            elif self._pause_s and ahead < -1.0:
                # Visits that could not begin in time are not made up for by a crowd.
                self._site.late += 1
                due = monotonic()
        caller.close()


class Caller:
    """One connection, opened again when the service closes it or has moved."""

    def __init__(self, site: Site, number: int) -> None:
        self._site, self._number = site, number
        self._connection: http.client.HTTPConnection | None = None
        self._port = 0

    def visit(self) -> None:
        visitor = f"v-{uuid7()}"
        _, answer = self._asked(EVALUATE, {"context": {"targetingKey": visitor}})
        seen = {"visitor": visitor, "slot": "hero", "variant": answer["variant"]}
        kinds = ["exposure", *(["click"] if visitor[-1] in "01" else [])]
        now = datetime.now(UTC).isoformat()
        events = [{"id": str(uuid7()), "at": now, "type": kind, **seen} for kind in kinds]
        ids = {one["id"] for one in events}
        status, answer = self._asked(EVENTS, {"events": events})
        with self._site.lock:
            self._site.visits += 1
            if status != 202:
                self._site.given_up |= ids
            elif answer["accepted"] + answer["duplicates"] == len(ids):
                self._site.acknowledged |= ids
            else:
                raise AssertionError(answer)

    def _asked(self, path: str, content: dict) -> tuple[int, dict]:
        """Ask until there is an answer that is no refusal; whatever came before is an error."""
        deadline = monotonic() + PATIENCE_S
        while True:
            began = monotonic()
            status, answer = self._ask(path, json.dumps(content))
            with self._site.lock:
                step = self._site.step
                self._site.latencies_s.setdefault(path, []).append(monotonic() - began)
                if status not in {200, 202}:
                    self._site.errors[step, path, status] += 1
            if status in {200, 202} or monotonic() > deadline:
                return status, answer
            sleep(0.2)

    def _ask(self, path: str, body: str) -> tuple[int, dict]:
        """Return status and JSON; status 0 without an answer."""
        if self._connection is None or self._port != self._site.port:
            self.close()
            self._port = self._site.port
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        keys = self._site.keys
        headers = {"X-API-Key": keys[self._number % len(keys)], "Content-Type": "application/json"}
        try:
            self._connection.request("POST", path, body, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return 0, {}
        if response.will_close:
            self.close()
        with contextlib.suppress(ValueError):
            return response.status, json.loads(content or b"{}")
        return response.status, {}

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
