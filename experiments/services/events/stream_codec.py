"""Encoding of events as entries of the stream, and their storage."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from django.db import Error

from experiments.services.events.redis_stream import (
    DeadEntry,
    Entry,
    EventStream,
    StreamUnavailableError,
)
from experiments.services.events.store import EventRow, NotTakenError, store
from experiments.services.events.stream_consumer import Storage

# MessagePack: a third of the time and two thirds of the bytes of JSON.
encode_rows = msgspec.msgpack.Encoder().encode
decode_rows = msgspec.msgpack.Decoder(list[EventRow]).decode

AnyEntry = TypeVar("AnyEntry", bound=Entry | DeadEntry)


def append_rows(stream: EventStream, rows: Sequence[EventRow]) -> int:
    """Append rows as one entry; return the number of distinct ids, some of which may be stored.

    Raises:
        store.NotTakenError: If Redis cannot take them now.
    """
    if not rows:
        return 0
    try:
        stream.append(encode_rows(rows))
    except StreamUnavailableError as error:
        raise NotTakenError(str(error)) from error
    return len({row.event_id for row in rows})


def store_entries(rows: Sequence[EventRow]) -> int:
    """Store rows in one transaction; return how many were new.

    Raises:
        django.db.Error: The database's error, which separates a bad entry from an outage.
    """
    try:
        (n_new,) = store([rows])
    except NotTakenError as error:
        if isinstance(error.__cause__, Error):
            raise error.__cause__ from error
        raise
    return n_new


STORAGE = Storage(decode=decode_rows, store=store_entries, encode=encode_rows)


def erase_dead_rows(stream: EventStream, *, site_id: int, names: Sequence[str]) -> int:
    """Take a visitor's events out of the dead entries; return how many there were.

    The visitor may be stored under any of the names. An entry that cannot be read is dropped if it
    holds one: it counts as one event. The reason of an entry is the database's message, which may
    name the visitor too: then it is replaced.

    Raises:
        redis.RedisError: If Redis does not answer. Repeated, it does the remaining work.
    """
    n_erased = 0
    for entry, rows in _holding(names, stream.dead(count=None)):
        if rows is None:
            stream.drop(entry)
            n_erased += 1
            continue
        kept = [row for row in rows if row.site_id != site_id or row.visitor not in names]
        if len(kept) == len(rows):
            continue
        n_erased += len(rows) - len(kept)
        if kept:
            for name in names:
                entry = entry.without_reason(name)
            stream.rewrite(entry, encode_rows(kept))
        else:
            stream.drop(entry)
    return n_erased


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTraces:
    """A visitor's events in the stream; `n_unreadable`: entries that hold the id, in no event."""

    waiting: Sequence[EventRow] = ()
    dead: Sequence[EventRow] = ()
    n_unreadable: int = 0


def traces_in_stream(stream: EventStream, *, site_id: int, names: Sequence[str]) -> StreamTraces:
    """Return a visitor's events that wait to be stored, and those in dead entries.

    Raises:
        redis.RedisError: If Redis does not answer.
    """
    waiting, n_unread = _rows_in(stream.waiting(), site_id=site_id, names=names)
    dead, n_dead = _rows_in(stream.dead(count=None), site_id=site_id, names=names)
    return StreamTraces(waiting=waiting, dead=dead, n_unreadable=n_unread + n_dead)


def _rows_in(
    entries: Iterable[Entry | DeadEntry], *, site_id: int, names: Sequence[str]
) -> tuple[list[EventRow], int]:
    """Return the visitor's events, and how many entries that cannot be read hold a name."""
    found: list[EventRow] = []
    n_unreadable = 0
    for _, rows in _holding(names, entries):
        if rows is None:
            n_unreadable += 1
        else:
            found += [row for row in rows if row.site_id == site_id and row.visitor in names]
    return found, n_unreadable


def _holding(
    names: Sequence[str], entries: Iterable[AnyEntry]
) -> Iterator[tuple[AnyEntry, list[EventRow] | None]]:
    """Yield the entries with a name in their bytes, and their events; None if not readable."""
    for entry in entries:
        if not any(name.encode() in entry.payload for name in names):
            continue
        rows: list[EventRow] | None
        try:
            rows = decode_rows(entry.payload)
        except ValueError:
            rows = None
        yield entry, rows
