"""Websites that send events, and send again what was not acknowledged."""

import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from uuid6 import uuid7

PATH = "/api/v1/events"
EVENTS = 10
VISITORS = 2_000
MINUTE = timedelta(minutes=1)


class Load:
    """A few websites, each a thread, until stopped. What they know at the end is what they sent.

    A batch without an answer, or with 503, is sent again as it is, or sometimes given up: of
    those the service may have stored what it likes. Some batches are sent again though they
    were acknowledged.
    """

    def __init__(self, fleet, *, seed, websites=3, gives_up=0.1):
        self.fleet = fleet
        self.gives_up = gives_up
        self.acknowledged = set()
        self.given_up = set()
        self.statuses = Counter()
        self.longest_s = 0.0
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._send, args=(seeded(f"{seed}-{number}"),))
            for number in range(websites)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        """Let every website bring its last batch home."""
        self._is_stopping.set()
        for thread in self._threads:
            thread.join()

    def _send(self, rng):
        while not self._is_stopping.is_set():
            batch = batch_of(rng)
            ids = {event["id"] for event in batch["events"]}
            while self._status(batch) != 202:
                if rng.random() < self.gives_up:
                    with self._lock:
                        self.given_up |= ids
                    break
                time.sleep(0.05)
            else:
                with self._lock:
                    self.acknowledged |= ids
                if rng.random() < 0.1:
                    self._status(batch)
            # The recount at the end takes longer than the load.
            time.sleep(0.03)

    def _status(self, batch):
        began = time.monotonic()
        status, headers, answer = self.fleet.ask("POST", PATH, batch)
        with self._lock:
            self.statuses[status] += 1
            self.longest_s = max(self.longest_s, time.monotonic() - began)
        assert status in {0, 202, 503}, (status, answer)
        if status == 202:
            assert answer["rejected"] == [], answer
        if status == 503:
            assert int(headers["Retry-After"]) > 0
        return status


def seeded(seed):
    """Dice for moments and visitors; a run can be repeated as far as processes can."""
    return random.Random(seed)  # noqa: S311


def batch_of(rng):
    """Events of a few of the visitors: some see both arms, some are late."""
    return {"events": [event_of(rng) for _ in range(EVENTS)]}


def event_of(rng):
    number = rng.randrange(VISITORS)
    moment = datetime.now(UTC) - rng.randrange(4_000) * MINUTE
    event = {"id": str(uuid7()), "visitor": f"v-{number}", "at": moment.isoformat()}
    kind = rng.choices(["exposure", "click", "conversion"], [7, 2, 1])[0]
    if kind == "conversion":
        return event | {"type": kind, "goal": "signup", "value": rng.randrange(-500, 10_000) / 100}
    arm = ("control", "b")[number % 2]
    if number % 100 == 0:
        arm = rng.choice(["control", "b"])
    return event | {"type": kind, "slot": "hero", "variant": arm}
