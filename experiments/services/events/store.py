"""Storage of event rows: each once, many in one transaction, durable on return.

All inserts into the table of events go through here, from the web process, its group commit and
the stream's consumer. Rows were validated when they were made (`ingestion`).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import Error, IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from experiments.event_schema.digests import MARK
from experiments.event_schema.ids import day_of
from experiments.models import Event, PendingBatch
from experiments.services.catalogue.site_secrets import as_stored, digest_keys
from experiments.services.events.orders import REPEATED, OrderClaim, repeated_events
from experiments.services.events.partitions import make_partitions
from experiments.services.events.suppression_list import are_erased

TABLE = Event._meta.db_table
COLUMNS = (
    "event_id", "site_id", "type", "visitor", "experiment_id", "variant_id", "propensity", "goal",
    "value", "currency", "attributes", "occurred_at", "received_at", "flags", "sender", "batch",
)  # fmt: skip
NAMES = ", ".join(COLUMNS)


class NotTakenError(Exception):
    """The events cannot be stored now; the client should retry."""


class EventRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as stored: the columns of `Event` except its batch, in their order; its order.

    msgspec encodes it for the queue as it is.
    """

    # Stored by position; never reorder.
    event_id: UUID
    site_id: int
    type: str
    visitor: str
    experiment_id: int | None
    variant_id: int | None
    propensity: float | None
    goal: str
    value: Decimal | None
    currency: str
    attributes: str  # a JSON object
    occurred_at: datetime
    received_at: datetime
    flags: int
    sender: int | None = None
    order: OrderClaim | None = None


def store(batches: Sequence[Sequence[EventRow]]) -> list[int]:
    """Store batches in one transaction; return how many rows of each were new.

    The others are duplicates: their site and id were stored before, or stand earlier in these
    batches. After the return all rows are durable, the new ones and the old.

    Raises:
        NotTakenError: If the database cannot take them now. None of them is stored.
    """
    chosen: dict[tuple[UUID, int], tuple[int, EventRow]] = {}
    for index, batch in enumerate(batches):
        for row in batch:
            chosen.setdefault((row.event_id, row.site_id), (index, row))
    if not chosen:
        return [0] * len(batches)
    # In order of the ids, so that two transactions cannot deadlock.
    unique = [chosen[key] for key in sorted(chosen)]
    try:
        stored = _store([row for _, row in unique])
    except Error as error:
        raise NotTakenError(str(error)) from error
    counts = [0] * len(batches)
    for (index, _), is_new in zip(unique, stored, strict=True):
        counts[index] += is_new
    return counts


def _store(rows: Sequence[EventRow]) -> Iterable[bool]:
    """Return for each row whether it is new; no two rows have the same site and id.

    A late copy of an erased visitor's event is not new: it was stored before.
    """
    with transaction.atomic():
        erased = are_erased(rows)
        # After the lock of that: from then on the form of the site's visitors stays.
        rows = _under_stored_names(rows)
        if not any(erased):
            return _insert(rows)
        remaining = [row for row, is_erased in zip(rows, erased, strict=True) if not is_erased]
        stored = iter(_insert(remaining) if remaining else ())
        return [not is_erased and next(stored) for is_erased in erased]


def _under_stored_names(rows: Sequence[EventRow]) -> Sequence[EventRow]:
    """Return rows with digests of their visitors where the site keeps digests.

    Rows from before wait in a stream, and a web process may not have heard of it yet.
    """
    as_sent = {row.site_id for row in rows if not row.visitor.startswith(MARK)}
    keys = digest_keys(as_sent) if as_sent else {}
    if not keys:
        return rows
    return [
        msgspec.structs.replace(row, visitor=as_stored(row.visitor, keys.get(row.site_id)))
        for row in rows
    ]


def _insert(rows: Sequence[EventRow]) -> Iterable[bool]:
    """Insert rows with their batch; return for each whether it is new."""
    insert = _insert_on_postgres if connection.vendor == "postgresql" else _insert_on_sqlite
    if any(row.order for row in rows):
        rows = _with_repeats_flagged(rows)
    batch = PendingBatch.objects.create(n_events=len(rows), stored_at=rows[0].received_at)
    with connection.cursor() as cursor:
        stored = insert(cursor, rows, batch.pk)
    n_new = sum(stored)
    if n_new == 0:
        batch.delete()
    elif n_new < len(rows):
        PendingBatch.objects.filter(pk=batch.pk).update(n_events=n_new)
    return stored


def _with_repeats_flagged(rows: Sequence[EventRow]) -> Sequence[EventRow]:
    repeated = repeated_events(rows)
    return [
        msgspec.structs.replace(row, flags=row.flags | REPEATED)
        if (row.event_id, row.site_id) in repeated
        else row
        for row in rows
    ]


# SQLite


SQLITE_INSERT = (
    f"INSERT INTO {TABLE} ({NAMES}) VALUES ({', '.join(['%s'] * len(COLUMNS))}) "  # noqa: S608
    # Only a stored id is ignored; every other conflict is an error.
    "ON CONFLICT (event_id, site_id) DO NOTHING"
)


def _insert_on_sqlite(cursor: CursorWrapper, rows: Sequence[EventRow], batch: int) -> list[bool]:
    values = [(*_sqlite_values(row), batch) for row in rows]
    cursor.executemany(SQLITE_INSERT, values)
    if cursor.rowcount == len(rows):
        return [True] * len(rows)
    cursor.execute(f"SELECT event_id, site_id FROM {TABLE} WHERE batch = %s", [batch])  # noqa: S608
    new = set(cursor.fetchall())
    return [(row.event_id.hex, row.site_id) in new for row in rows]


def _sqlite_values(row: EventRow) -> tuple[Any, ...]:
    """Return the columns as Django writes them on SQLite."""
    return (
        row.event_id.hex,
        row.site_id,
        row.type,
        row.visitor,
        row.experiment_id,
        row.variant_id,
        row.propensity,
        row.goal,
        None if row.value is None else format(row.value, "f"),
        row.currency,
        row.attributes,
        _sqlite_time(row.occurred_at),
        _sqlite_time(row.received_at),
        row.flags,
        row.sender,
    )


def _sqlite_time(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


# PostgreSQL


COPY = f"COPY {TABLE} ({NAMES}) FROM STDIN"
STAGE = f"""
    CREATE TEMP TABLE IF NOT EXISTS event_stage (LIKE {TABLE}) ON COMMIT DROP;
    TRUNCATE event_stage
"""
COPY_STAGE = f"COPY event_stage ({NAMES}) FROM STDIN"
FROM_STAGE = f"""
    INSERT INTO {TABLE} ({NAMES}) SELECT {NAMES} FROM event_stage ORDER BY event_id, site_id
    ON CONFLICT (event_id, site_id) DO NOTHING RETURNING event_id, site_id
"""  # noqa: S608
# Special characters of COPY's text format; ingestion refuses all but the first.
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
UNIQUE_VIOLATION, CHECK_VIOLATION = "23505", "23514"


def _insert_on_postgres(cursor: CursorWrapper, rows: Sequence[EventRow], batch: int) -> list[bool]:
    lines = "".join([f"{_copy_line(row)}\t{batch}\n" for row in rows])
    try:
        return _copy_new(cursor, rows, lines)
    except IntegrityError as error:
        # No partition of that day: the task that makes them ahead has not run for a week.
        if _state_of(error) != CHECK_VIOLATION:
            raise
        make_partitions(_days(rows))
    return _copy_new(cursor, rows, lines)


def _copy_new(cursor: CursorWrapper, rows: Sequence[EventRow], lines: str) -> list[bool]:
    """Copy straight into the table; only if an id is already stored, go through a stage."""
    try:
        with transaction.atomic():
            _copy(cursor, COPY, lines)
    except IntegrityError as error:
        if _state_of(error) != UNIQUE_VIOLATION:
            raise
        cursor.execute(STAGE)
        _copy(cursor, COPY_STAGE, lines)
        cursor.execute(FROM_STAGE)
        new = set(cursor.fetchall())
        return [(row.event_id, row.site_id) in new for row in rows]
    return [True] * len(rows)


def _copy(cursor: CursorWrapper, statement: str, lines: str) -> None:
    # psycopg's errors here bypass Django's cursor.
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.write(lines)


def _state_of(error: IntegrityError) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _days(rows: Sequence[EventRow]) -> set[date]:
    return {day_of(row.event_id) for row in rows}


def _copy_line(row: EventRow) -> str:
    values = (
        row.event_id,
        row.site_id,
        row.type,
        row.visitor.translate(ESCAPES),
        row.experiment_id,
        row.variant_id,
        row.propensity,
        row.goal.translate(ESCAPES),
        row.value,
        row.currency,
        row.attributes.translate(ESCAPES),
        row.occurred_at,
        row.received_at,
        row.flags,
        row.sender,
    )
    return "\t".join(["\\N" if value is None else str(value) for value in values])
