"""Day partitions of the events on PostgreSQL; other databases have none.

Nothing here waits long for a lock or holds one that blocks the web: a partition is created as a
separate table and attached, while the others can be read and written, and it is detached
concurrently before it is dropped.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from experiments.event_schema.ids import first_id
from experiments.models import Event, VisitorDay

# Late events need earlier days, fast clocks later ones, and a worker may be down for days.
DAYS_BACK = 32
DAYS_AHEAD = 7
DAY = timedelta(days=1)
TABLE = Event._meta.db_table
# Serialises the creation of partitions; the number need only be unique to this code.
# Never change: processes before and after an upgrade run side by side.
LOCK = 5_226_311


def has_partitions() -> bool:
    return connection.vendor == "postgresql"


def make_event_partitions(*, now: datetime) -> list[date]:
    """Make the missing partitions for the days around now; return their days."""
    today = now.date()
    return make_partitions(today + n * DAY for n in range(-DAYS_BACK, DAYS_AHEAD + 1))


def make_partitions(days: Iterable[date]) -> list[date]:
    """Make the missing partitions of these days; return the days that were missing."""
    if not has_partitions():
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        # A web process that waits longer than this answers 503 and goes on.
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        missing = sorted(set(days) - set(partition_days()))
        for day in missing:
            cursor.execute(_statements(day))
    return missing


def partition_days() -> list[date]:
    """Return the days that have a partition, the earliest first."""
    if not has_partitions():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending ORDER BY 1",
            [TABLE],
        )
        return [date.fromisoformat(name.rpartition("_")[2]) for (name,) in cursor.fetchall()]


def drop_partition(day: date) -> None:
    """Drop the events of a day. Call it outside transactions: detaching needs two of its own.

    Ingestion must already refuse events of that day, or they would count again: never drop a day
    younger than `event_schema.messages.MAX_AGE` and a day.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {_name(day)} CONCURRENTLY")
        cursor.execute(f"DROP TABLE {_name(day)}")
    VisitorDay.objects.filter(day=day).delete()


def _name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _statements(day: date) -> str:
    # CREATE TABLE ... PARTITION OF would lock the parent exclusively; ATTACH does not.
    name, first, end = _name(day), first_id(day), first_id(day + DAY)
    return f"""
        CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
        ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}');
    """
