"""Events that were acknowledged and wait in the Redis Stream, as lines of a file."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.services.events.redis_stream import PAYLOAD, EventStream

PAGE = 500


def copy_stream(stream: EventStream, target: Path) -> int:
    """Write the entries that wait, and the dead ones, to a file; return how many there are."""
    n_entries = 0
    with target.open("x", encoding="utf-8") as file:
        for key in (stream.prefix, stream.dead_key):
            for fields in _entries(stream, key):
                line = {"dead": key == stream.dead_key, "fields": _text_fields(fields)}
                file.write(json.dumps(line) + "\n")
                n_entries += 1
    return n_entries


def put_back(stream: EventStream, source: Path) -> None:
    """Append the entries of a file to the stream; the ids of events make a second time harmless."""
    with source.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            fields: dict[Any, Any] = {
                base64.b64decode(name): base64.b64decode(value)
                for name, value in entry["fields"].items()
            }
            key = stream.dead_key if entry["dead"] else stream.prefix
            stream.client.xadd(key, fields if entry["dead"] else {PAYLOAD: fields[PAYLOAD]})


def _entries(stream: EventStream, key: str) -> Iterator[dict[bytes, bytes]]:
    start = "-"
    while rows := _page(stream, key, start):
        for name, fields in rows:
            yield fields
            start = f"({name.decode()}"


def _page(stream: EventStream, key: str, start: str) -> Any:
    return stream.client.xrange(key, min=start, count=PAGE)


def _text_fields(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {
        base64.b64encode(name).decode(): base64.b64encode(value).decode()
        for name, value in fields.items()
    }
