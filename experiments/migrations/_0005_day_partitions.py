"""Event ids and day partitions as migration 0005 needs them. Never change this file.

A migration has to give the same tables whatever the services have become, so it keeps its own
copy of the code that it runs.
"""

from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from uuid import UUID

TABLE = "experiments_event"
# Processes that make partitions wait for each other; the services use the same number.
LOCK = 5_226_311
DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
# The bits of UUID version 7 below the time: version, 12 free, variant, 62 free.
VERSION_7 = (7 << 76) | (2 << 62)
FREE_BITS = (((1 << 12) - 1) << 64) | ((1 << 62) - 1)


def stored_id(sent: UUID, *, at: datetime) -> UUID:
    if sent.version == 7:
        return sent
    digest = int.from_bytes(blake2b(sent.bytes, digest_size=16).digest()) & FREE_BITS
    return UUID(int=(_milliseconds(at) << 80) | VERSION_7 | digest)


def day_of(event_id: UUID) -> date:
    return EPOCH.date() + (event_id.int >> 80) // DAY_MS * DAY


def make_partitions(connection, days) -> None:
    """Make the partitions of these days that do not exist; PostgreSQL only."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass",
            [TABLE],
        )
        present = {date.fromisoformat(name.rpartition("_")[2]) for (name,) in cursor.fetchall()}
        for day in sorted(set(days) - present):
            name, first, end = f"{TABLE}_{day:%Y%m%d}", _first_id(day), _first_id(day + DAY)
            cursor.execute(f"""
                CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
                ALTER TABLE {TABLE} ATTACH PARTITION {name}
                    FOR VALUES FROM ('{first}') TO ('{end}');
            """)


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _first_id(day: date) -> UUID:
    return UUID(int=_milliseconds(datetime.combine(day, time(), tzinfo=UTC)) << 80)
