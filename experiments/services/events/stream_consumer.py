"""Consumer that stores the stream's events; entries that cannot be stored are buried.

An entry is acknowledged only after the commit of its events. A consumer that dies in between
leaves it pending; another takes it over, and the ids of the events make storing twice harmless.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Generic, TypeVar

from django.db import DataError, Error, IntegrityError, connection

from experiments.redis_errors import redis_error
from experiments.services.events.redis_stream import Entry, EventStream

logger = logging.getLogger(__name__)

Row = TypeVar("Row")
# Faults of an entry, which would recur for ever. All others are the database's and pass.
PERMANENT = (DataError, IntegrityError, ValueError, TypeError, KeyError)
# Deliveries from which an entry is stored alone, as it may have killed its readers, and from
# which it is buried.
ALONE_FROM, BURIED_FROM = 3, 10
BLOCK_S = 1.0
PAUSE_S = 1.0
LOG_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Generic[Row]):
    """Functions to decode an entry, store its events (returning the number of new ones), encode."""

    decode: Callable[[bytes], Sequence[Row]]
    store: Callable[[Sequence[Row]], int]
    encode: Callable[[Sequence[Row]], bytes]


@dataclass(slots=True, kw_only=True)
class ConsumerTally:
    """Counts of a consumer's work."""

    stored: int = 0
    duplicates: int = 0
    buried: int = 0


@dataclass(slots=True, kw_only=True)
class Consumer(Generic[Row]):
    """One reader of the group. Any number may run; each needs a name of its own."""

    stream: EventStream
    storage: Storage[Row]
    name: str
    count: int = 200
    max_rows: int = 5_000
    reclaim_after_s: float = 30.0
    tally: ConsumerTally = field(default_factory=ConsumerTally)
    _waiting: list[Entry] = field(default_factory=list, init=False)
    _alone: set[str] = field(default_factory=set, init=False)
    _cursor: str = field(default="0-0", init=False)
    _reclaimed_at: float = field(default=float("-inf"), init=False)
    _logged_at: float = field(default_factory=monotonic, init=False)

    def run(self, *, is_asked_to_stop: Callable[[], bool]) -> None:
        """Store until asked to stop; outages of either side are waited out."""
        is_made = False
        while not is_asked_to_stop():
            try:
                if not is_made:
                    self.stream.make_group()
                    is_made = True
                self.step()
            except (redis_error(), Error) as error:
                # A Redis that lost its data lost the group too.
                is_made = is_made and not _is_lost_group(error)
                logger.warning("The events wait: %s", error)
                connection.close()
                sleep(PAUSE_S)
            self._log_progress()
        self._leave_group()

    def step(self, *, block_s: float = BLOCK_S) -> int:
        """Store the next entries; return their number.

        Raises:
            redis.RedisError: If Redis is unreachable.
            django.db.Error: If the database is; the next step retries the entries.
        """
        if not self._waiting:
            self._waiting = self._reclaimed() or self.stream.read(
                consumer=self.name, count=self.count, block_s=block_s
            )
        done = len(self._waiting)
        if done:
            self._store_all()
        return done

    def drain(self) -> None:
        """Store all available entries and return; outages are raised."""
        self.stream.make_group()
        while self.step(block_s=0.01):
            pass

    def _reclaimed(self) -> list[Entry]:
        """Return entries of consumers that are gone."""
        if monotonic() - self._reclaimed_at < self.reclaim_after_s / 4 and self._cursor == "0-0":
            return []
        reclaimed = self.stream.reclaim(
            consumer=self.name,
            count=self.count,
            idle_s=self.reclaim_after_s,
            start=self._cursor,
        )
        self._cursor, self._reclaimed_at = reclaimed.next_start, monotonic()
        if not reclaimed.entries:
            return []
        logger.warning("took over %s entries that another consumer left", len(reclaimed.entries))
        return self._without_killers(reclaimed.entries)

    def _without_killers(self, entries: list[Entry]) -> list[Entry]:
        deliveries = self.stream.deliveries(consumer=self.name, entries=entries)
        remaining = []
        for entry in entries:
            times = deliveries.get(entry.id, 1)
            if times >= BURIED_FROM:
                reason = f"handed out {times} times, and never acknowledged"
                self._bury(entry, payload=entry.payload, reason=reason, deliveries=times)
                continue
            if times >= ALONE_FROM:
                self._alone.add(entry.id)
            remaining.append(entry)
        return remaining

    def _store_all(self) -> None:
        """Store the waiting entries, several per transaction; acknowledge after the commit."""
        while self._waiting:
            group, rows = self._next_group()
            if group:
                try:
                    self._store(group, rows)
                except PERMANENT:
                    for entry in group:
                        self._store_alone(entry)
            del self._waiting[: len(group)]
        self._alone.clear()

    def _next_group(self) -> tuple[list[Entry], list[Row]]:
        """Return the first entries that fit into a transaction, and their events."""
        group: list[Entry] = []
        rows: list[Row] = []
        for entry in list(self._waiting):
            try:
                decoded = self.storage.decode(entry.payload)
            except PERMANENT as error:
                self._bury(entry, payload=entry.payload, reason=f"cannot be read: {error}")
                self._waiting.remove(entry)
                continue
            is_alone = entry.id in self._alone
            if group and (is_alone or len(rows) + len(decoded) > self.max_rows):
                break
            group.append(entry)
            rows.extend(decoded)
            if is_alone:
                break
        return group, rows

    def _store(self, group: list[Entry], rows: Sequence[Row]) -> None:
        new = self.storage.store(rows)
        self.stream.acknowledge([entry.id for entry in group])
        self.tally.stored += new
        self.tally.duplicates += len(rows) - new

    def _store_alone(self, entry: Entry) -> None:
        """Store one entry, or those of its events that can be stored; bury the rest."""
        try:
            rows = self.storage.decode(entry.payload)
        except PERMANENT as error:
            self._bury(entry, payload=entry.payload, reason=f"cannot be read: {error}")
            return
        try:
            self._store([entry], rows)
        except PERMANENT:
            self._store_each(entry, rows)

    def _store_each(self, entry: Entry, rows: Sequence[Row]) -> None:
        bad, reasons = [], []
        for row in rows:
            try:
                new = self.storage.store([row])
            except PERMANENT as error:
                bad.append(row)
                reasons.append(str(error))
            else:
                self.tally.stored += new
                self.tally.duplicates += 1 - new
        if bad:
            self._bury(entry, payload=self.storage.encode(bad), reason=reasons[0])
        else:
            self.stream.acknowledge([entry.id])

    def _bury(self, entry: Entry, *, payload: bytes, reason: str, deliveries: int = 1) -> None:
        self.stream.bury(entry, payload=payload, reason=reason, deliveries=deliveries)
        self.tally.buried += 1
        logger.error("entry %s is dead (manage.py dead_events): %s", entry.id, reason)

    def _leave_group(self) -> None:
        try:
            self.stream.forget_consumer(self.name)
        except redis_error() as error:
            logger.warning("Redis does not answer: %s", error)

    def _log_progress(self) -> None:
        if monotonic() - self._logged_at >= LOG_EVERY_S:
            self._logged_at = monotonic()
            logger.info(
                "%s events stored, %s known before, %s entries dead",
                *(self.tally.stored, self.tally.duplicates, self.tally.buried),
            )


def _is_lost_group(error: Exception) -> bool:
    return isinstance(error, redis_error()) and "NOGROUP" in str(error)
