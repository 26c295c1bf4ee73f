"""Redis Stream between web and database, which buffers bursts of events.

An entry holds the events of one request as opaque bytes. Web processes append; consumers of one
group store and acknowledge (`stream_consumer`).
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.conf import settings

from experiments.redis_errors import is_lost_connection, redis_error

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

# Stored, with what the fields of an entry are called; never rename.
PREFIX = "ctaopt:events"
GROUP = "storage"
PAYLOAD, REASON, ENTRY, DELIVERIES = b"e", b"reason", b"entry", b"deliveries"
# Longest wait of a request for Redis; a stopped Redis refuses connections at once.
TIMEOUT_S = 2.0
# After a failure requests are refused for this long, lest threads queue up behind Redis.
REST_S = 0.5
# Entries that are read at once where all of them are.
PAGE = 500
# Interval of a process's length checks; a burst overshoots by the entries in between.
LOOK_S = 0.25


class StreamUnavailableError(Exception):
    """Redis is unreachable or full, or the stream is at its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Payload of one request, with its id in Redis."""

    id: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadEntry:
    """Dead letter: an entry that could not be stored, with the reason and its former id."""

    id: str
    payload: bytes
    reason: str
    entry: str
    deliveries: int

    def without_reason(self, text: str) -> "DeadEntry":
        """Return it without its reason if that contains the text."""
        return replace(self, reason="erased with a visitor") if text in self.reason else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """Backlog of the stream: entries, those read but not stored, and dead letters."""

    waiting: int
    pending: int
    dead: int


@dataclass(slots=True, kw_only=True)
class EventStream:
    """The stream of one installation. Its methods raise redis.RedisError, but for `append`."""

    client: "Redis"
    max_entries: int = 1_000_000
    prefix: str = PREFIX
    _rests_until: float = field(default=0.0, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _waiting: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def dead_key(self) -> str:
        return f"{self.prefix}:dead"

    def _execute(self, *words: Any) -> Any:
        """Execute a raw command: redis-py's wrappers would double its cost."""
        execute: Any = self.client.execute_command
        return execute(*words)

    # The web's side.

    def append(self, payload: bytes) -> None:
        """Append an entry; return once Redis has it.

        Raises:
            StreamUnavailableError: If Redis may not have it: the client sends the events
                again, and their ids make that harmless.
        """
        if monotonic() < self._rests_until:
            raise StreamUnavailableError("Redis did not answer just now")
        try:
            self._check_room()
            self._execute("XADD", self.prefix, "*", PAYLOAD, payload)
        except redis_error() as error:
            if is_lost_connection(error):
                self._rests_until = monotonic() + REST_S
            raise StreamUnavailableError(str(error)) from error

    def _check_room(self) -> None:
        # One thread checks; the others use the last length.
        if monotonic() - self._looked_at >= LOOK_S and self._lock.acquire(blocking=False):
            try:
                self._waiting = int(self._execute("XLEN", self.prefix))
                self._looked_at = monotonic()
            finally:
                self._lock.release()
        if self._waiting >= self.max_entries:
            raise StreamUnavailableError(
                f"{self._waiting} requests wait to be stored, the most is {self.max_entries}"
            )

    # The consumers' side.

    def make_group(self) -> None:
        """Make the stream and group if missing, at the first start or after a loss."""
        try:
            self.client.xgroup_create(self.prefix, GROUP, id="0", mkstream=True)
        except redis_error() as error:
            if "BUSYGROUP" not in str(error):
                raise

    def read(self, *, consumer: str, count: int, block_s: float) -> list[Entry]:
        """Return new entries, waiting up to `block_s` seconds for them."""
        answer = self._execute(
            *("XREADGROUP", "GROUP", GROUP, consumer, "COUNT", count),
            *("BLOCK", max(int(block_s * 1000), 1), "STREAMS", self.prefix, ">"),
        )
        return [entry for _, rows in answer or () for entry in _entries(rows)]

    def reclaim(self, *, consumer: str, count: int, idle_s: float, start: str) -> "Reclaimed":
        """Take over entries that another consumer read at least `idle_s` seconds ago."""
        after, rows = self._execute(
            *("XAUTOCLAIM", self.prefix, GROUP, consumer, int(idle_s * 1000), start),
            *("COUNT", count),
        )[:2]
        return Reclaimed(entries=_entries(rows), next_start=_text(after))

    def deliveries(self, *, consumer: str, entries: list[Entry]) -> dict[str, int]:
        """Return how often each of the consumer's entries was delivered."""
        pipeline = self.client.pipeline(transaction=False)
        for entry in entries:
            pipeline.xpending_range(self.prefix, GROUP, entry.id, entry.id, 1, consumer)
        rows = [row for answer in pipeline.execute() for row in answer]
        return {_text(row["message_id"]): int(row["times_delivered"]) for row in rows}

    def acknowledge(self, ids: list[str]) -> None:
        """Delete entries that are stored."""
        with self._transaction() as pipeline:
            self._forget(pipeline, ids)

    def bury(self, entry: Entry, *, payload: bytes, reason: str, deliveries: int = 1) -> None:
        """Move an entry, with the remaining payload, to the dead ones."""
        fields: Any = {PAYLOAD: payload, REASON: reason, ENTRY: entry.id, DELIVERIES: deliveries}
        with self._transaction() as pipeline:
            pipeline.xadd(self.dead_key, fields)
            self._forget(pipeline, [entry.id])

    def forget_consumer(self, consumer: str) -> None:
        """Remove a consumer from the group unless it has entries to be reclaimed."""
        pending = self.client.xpending_range(self.prefix, GROUP, "-", "+", 1, consumer)
        if not pending:
            self.client.xgroup_delconsumer(self.prefix, GROUP, consumer)

    # The operator's side.

    def depths(self) -> Depths:
        pipeline = self.client.pipeline(transaction=False)
        pipeline.xlen(self.prefix)
        pipeline.xlen(self.dead_key)
        waiting, dead = pipeline.execute()
        pending = 0
        if waiting:
            try:
                pending = int(self._execute("XPENDING", self.prefix, GROUP)["pending"])
            except redis_error() as error:
                if "NOGROUP" not in str(error):
                    raise
                pending = 0  # No consumer has made the group yet.
        return Depths(waiting=int(waiting), pending=pending, dead=int(dead))

    def dead(self, *, count: int | None) -> list[DeadEntry]:
        """Return the oldest dead entries."""
        rows: Any = self.client.xrange(self.dead_key, count=count)
        return [_dead_entry(_text(name), fields) for name, fields in rows]

    def waiting(self) -> Iterator[Entry]:
        """Return the entries that are not stored yet, the oldest first, a page at a time."""
        start = "-"
        while page := _entries(self.client.xrange(self.prefix, min=start, count=PAGE)):
            yield from page
            start = f"({page[-1].id}"

    def replay(self, entry: DeadEntry) -> None:
        """Put a dead entry back into the stream, to be stored once more."""
        with self._transaction() as pipeline:
            pipeline.xadd(self.prefix, {PAYLOAD: entry.payload})
            pipeline.xdel(self.dead_key, entry.id)

    def drop(self, entry: DeadEntry) -> None:
        self.client.xdel(self.dead_key, entry.id)

    def rewrite(self, entry: DeadEntry, payload: bytes) -> None:
        """Put a dead entry with this payload in place of one."""
        fields: Any = {
            PAYLOAD: payload,
            REASON: entry.reason,
            ENTRY: entry.entry,
            DELIVERIES: entry.deliveries,
        }
        with self._transaction() as pipeline:
            pipeline.xadd(self.dead_key, fields)
            pipeline.xdel(self.dead_key, entry.id)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self.client.pipeline(transaction=True) as pipeline:
            yield pipeline
            pipeline.execute()

    def _forget(self, pipeline: Any, ids: list[str]) -> None:
        # Deleted too: the stream's length counts waiting entries, and its memory is Redis' memory.
        pipeline.xack(self.prefix, GROUP, *ids)
        pipeline.xdel(self.prefix, *ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaimed:
    """Entries taken over, and the id to continue from; "0-0" after the last."""

    entries: list[Entry]
    next_start: str


def open_stream(url: str, *, max_entries: int) -> EventStream:
    """Return the stream at an address without connecting.

    A stale connection is replaced once, without delay: waiting is left to the client.
    """
    from redis import Redis  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    client = Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
        protocol=2,  # Half the time of RESP3 in redis-py, measured.
    )
    return EventStream(client=client, max_entries=max_entries)


def _entries(rows: Any) -> list[Entry]:
    return [
        Entry(id=_text(name), payload=fields.get(PAYLOAD, b""))
        for name, fields in rows
        if fields is not None
    ]


def _dead_entry(name: str, values: Any) -> DeadEntry:
    return DeadEntry(
        id=name,
        payload=values.get(PAYLOAD, b""),
        reason=_text(values.get(REASON, b"")),
        entry=_text(values.get(ENTRY, b"")),
        deliveries=int(values.get(DELIVERIES, 1)),
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def configured_stream() -> EventStream | None:
    """Return the stream of the settings, one per process; None if none is configured."""
    url = settings.CTAOPT_EVENTS_URL
    if not url:
        return None
    return _open_once(url, settings.CTAOPT_EVENTS_MAX_WAITING)


@cache
def _open_once(url: str, max_entries: int) -> EventStream:
    return open_stream(url, max_entries=max_entries)
