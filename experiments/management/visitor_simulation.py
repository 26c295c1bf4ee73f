"""Simulated visitors who come through the service's HTTP interface, as a website's would."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

import numpy as np

from experiments.management.connection import Connection, ServiceError
from experiments.services.operations.demo_data import SIMULATED

# An exposure in JSON is about 300 bytes; a batch stays below the 64 KiB that the service takes.
BATCH = 150
BEFORE_A_CLICK = timedelta(seconds=4)
DEVICES = ("mobile", "desktop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Simulated visits: visitors, times, slot and click rates. Equal visits give equal events."""

    url: str
    key: str
    slot: str
    visitors: int
    seed: int
    rates: Mapping[str, float]
    since: datetime
    spread: timedelta
    locale: str
    threads: int


@dataclass(slots=True, kw_only=True)
class SimulationTally:
    """Counts of what was sent; added up over the threads."""

    shown: Counter[str] = field(default_factory=Counter)
    clicked: Counter[str] = field(default_factory=Counter)
    arms: dict[str, str] = field(default_factory=dict)
    outside: int = 0
    accepted: int = 0
    duplicates: int = 0
    sent_again: int = 0

    def add(self, other: "SimulationTally") -> None:
        self.shown += other.shown
        self.clicked += other.clicked
        self.arms |= other.arms
        self.outside += other.outside
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.sent_again += other.sent_again


def simulate(visits: Visits) -> SimulationTally:
    """Send every visitor through the service; raise ServiceError if it refuses one."""
    rng = np.random.default_rng(visits.seed)
    # A column each, drawn before the threads start: their number changes nothing.
    draws = rng.random((visits.visitors, 4))
    stop = Event()
    total = SimulationTally()
    with ThreadPoolExecutor(visits.threads) as pool:
        parts = [
            pool.submit(
                _Thread(visits, stop).run, range(start, visits.visitors, visits.threads), draws
            )
            for start in range(visits.threads)
        ]
        try:
            for part in parts:
                total.add(part.result())
        finally:
            stop.set()
    return total


def event_id(at: datetime, name: str) -> UUID:
    """Return a UUIDv7 that depends on its arguments only: a retry carries the same id."""
    noise = int.from_bytes(hashlib.sha256(name.encode()).digest()[:10], "big")
    milliseconds = int(at.timestamp() * 1_000)
    low = noise & ((1 << 62) - 1)
    middle = (noise >> 62) & 0xFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | middle << 64 | 0b10 << 62 | low)


class _Thread:
    """The visitors of one thread, over one connection."""

    def __init__(self, visits: Visits, stop: Event) -> None:
        self._visits = visits
        self._stop = stop
        self._connection = Connection(visits.url, key=visits.key)
        self._tally = SimulationTally()
        self._waiting: list[dict[str, Any]] = []

    def run(self, numbers: range, draws: Any) -> SimulationTally:
        for number in numbers:
            if self._stop.is_set():
                break
            self._visit(f"{SIMULATED}{self._visits.seed}-{number}", *draws[number])
            if len(self._waiting) >= BATCH:
                self._flush()
        self._flush()
        self._connection.close()
        self._tally.sent_again = self._connection.sent_again
        return self._tally

    def _visit(self, visitor: str, when: float, click: float, device: float, new: float) -> None:
        attributes = {
            "locale": self._visits.locale,
            "device": DEVICES[int(device * len(DEVICES))],
            "new_visitor": bool(new < 0.5),
        }
        path = f"/ofrep/v1/evaluate/flags/{self._visits.slot}"
        flag = self._connection.post(
            path, {"context": {"targetingKey": visitor, **attributes}}
        ).body
        arm, experiment = flag["variant"], flag["metadata"].get("experiment")
        if experiment is None:
            self._tally.outside += 1
            return
        clicks = click < self._rate(arm)
        self._tally.arms[visitor] = arm
        self._tally.shown[arm] += 1
        self._tally.clicked[arm] += clicks
        identity = {
            "slot": flag["key"],
            "visitor": visitor,
            "variant": arm,
            "experiment": experiment,
        }
        # Where the site wants receipts.
        if receipt := flag["metadata"].get("receipt"):
            identity["receipt"] = receipt
        at = self._visits.since + when * self._visits.spread
        self._waiting += self._events(identity, at, clicks=clicks, attributes=attributes)

    def _events(
        self, identity: Mapping[str, str], at: datetime, *, clicks: bool, attributes: Any
    ) -> Iterator[dict[str, Any]]:
        yield self._event("exposure", identity, at) | {"attributes": attributes}
        if clicks:
            yield self._event("click", identity, at + BEFORE_A_CLICK)

    def _event(self, kind: str, seen: Mapping[str, str], at: datetime) -> dict[str, Any]:
        unique = event_id(at, f"{kind}:{seen['experiment']}:{seen['visitor']}")
        return {"id": str(unique), "type": kind, "at": at.isoformat(), **seen}

    def _rate(self, arm: str) -> float:
        if arm not in self._visits.rates:
            raise ServiceError(f"rates: no click rate for arm {arm!r} of {self._visits.slot}")
        return self._visits.rates[arm]

    def _flush(self) -> None:
        if not self._waiting:
            return
        receipt = self._connection.post("/api/v1/events", {"events": self._waiting}).body
        if receipt["rejected"]:
            raise ServiceError(f"events: {receipt['rejected'][0]['reason']}")
        self._tally.accepted += receipt["accepted"]
        self._tally.duplicates += receipt["duplicates"]
        self._waiting = []
