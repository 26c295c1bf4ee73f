"""Ids of events: what a website sends, and the time-ordered one under which it is kept.

An id of UUID version 7 begins with a time in milliseconds. It is kept as it is, and its day names
the partition on PostgreSQL, so that a retry always meets the first copy. Any other UUID is kept
under an id made of the event's own time and a hash of what was sent: the same for every retry,
which carries both unchanged.
"""

from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from uuid import UUID

DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)
# After the 48 bits of the time: 4 bits of version, 12 free, 2 of variant, 62 free.
VERSION_7 = (7 << 76) | (2 << 62)
FREE_BITS = (((1 << 12) - 1) << 64) | ((1 << 62) - 1)


def stored_id(event_id: UUID, *, at: datetime) -> UUID:
    """Return the id under which an event that happened at this time is kept.

    >>> stored_id(UUID("01a2008d-7400-7000-8000-000000000001"), at=EPOCH)
    UUID('01a2008d-7400-7000-8000-000000000001')
    >>> stored_id(UUID(int=1), at=datetime(2026, 11, 22, tzinfo=UTC)).version
    7
    """
    if event_id.version == 7:
        return event_id
    # Stored; never change.
    digest = int.from_bytes(blake2b(event_id.bytes, digest_size=16).digest()) & FREE_BITS
    return UUID(int=(milliseconds(at) << 80) | VERSION_7 | digest)


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970, as ids count them.

    >>> milliseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    return (moment - EPOCH) // MILLISECOND


def milliseconds_of(event_id: UUID) -> int:
    """Return the time with which a stored id begins.

    >>> milliseconds_of(first_id(date(1970, 1, 2)))
    86400000
    """
    return event_id.int >> 80


def day_of(event_id: UUID) -> date:
    """Return the day (UTC) of a stored id."""
    return EPOCH.date() + milliseconds_of(event_id) // DAY_MS * DAY


def first_id_at(moment: datetime) -> UUID:
    """Return a bound: not greater than any stored id of the moment, greater than all before it.

    >>> first_id_at(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)).int >> 80
    1000
    """
    return UUID(int=milliseconds(moment) << 80)


def first_id(day: date) -> UUID:
    """Return a bound: not greater than any stored id of the day, greater than all before it.

    >>> first_id(date(2026, 11, 22))
    UUID('01a2008d-7400-0000-0000-000000000000')
    """
    return first_id_at(datetime.combine(day, time(), tzinfo=UTC))
