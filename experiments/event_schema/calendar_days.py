"""Calendar days of moments in a time zone; where clocks change they have 23 or 25 hours.

SQL engines have tables of time zones of their own, of other versions, or none. `offsets_in` gives
them those of Python, so that every count cuts its days alike.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """Offset of a time zone from UTC, from a moment on; `since` is None for the first."""

    since: datetime | None
    shift: timedelta


def calendar_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day that a calendar in this zone shows.

    >>> calendar_day(datetime(2026, 3, 28, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Paris"))
    datetime.date(2026, 3, 29)
    """
    return moment.astimezone(zone).date()


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which a day begins in this zone.

    On a day whose midnight the clocks skip, this is the moment at which they do.

    >>> beginning_of(date(2026, 11, 28), ZoneInfo("Asia/Kathmandu")).isoformat()
    '2026-11-27T18:15:00+00:00'
    """
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def days_between(since: datetime, until: datetime, zone: ZoneInfo) -> float:
    """Return the days that clocks in this zone went on, a fraction; negative backwards.

    From one time of the day to the same a week later are seven days, of 167 hours or of 169 too.

    >>> start = datetime(2026, 3, 25, 12, tzinfo=UTC)
    >>> days_between(start, datetime(2026, 4, 1, 11, tzinfo=UTC), ZoneInfo("Europe/Paris"))
    7.0
    """
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (since, until))
    return (last - first) / DAY


def offsets_in(zone: ZoneInfo, *, since: datetime, until: datetime) -> tuple[Offset, ...]:
    """Return the offsets from `since` to `until`, in order; one day has at most one change.

    Before `since` the first is continued, after `until` the last.

    >>> first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    >>> offsets = offsets_in(ZoneInfo("Europe/Paris"), since=first, until=last)
    >>> [str(one.shift) for one in offsets]
    ['1:00:00', '2:00:00', '1:00:00']
    """
    moment = since.astimezone(UTC)
    found = [Offset(since=None, shift=_offset(moment, zone))]
    while moment < until:
        later = min(moment + DAY, until)
        if _offset(later, zone) != found[-1].shift:
            change = _change_between(moment, later, zone)
            found.append(Offset(since=change, shift=_offset(change, zone)))
        moment = later
    return tuple(found)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment, to a second, with the later offset of the two."""
    old = _offset(before, zone)
    before, after = before.replace(microsecond=0), after.replace(microsecond=0) + SECOND
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
