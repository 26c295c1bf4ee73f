"""Encoding of events as entries of the stream, and their storage."""

from collections.abc import Sequence

import msgspec
from django.db import Error

from experiments.services.events.redis_stream import EventStream, StreamUnavailableError
from experiments.services.events.store import EventRow, NotTakenError, store
from experiments.services.events.stream_consumer import Storage

# MessagePack: a third of the time and two thirds of the bytes of JSON.
encode_rows = msgspec.msgpack.Encoder().encode
decode_rows = msgspec.msgpack.Decoder(list[EventRow]).decode


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
