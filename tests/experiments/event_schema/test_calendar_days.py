"""Days of the calendar; dateutil reads the same time zones with code of its own."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil import tz
from hypothesis import given
from hypothesis import strategies as st

from experiments.event_schema.calendar_days import (
    beginning_of,
    calendar_day,
    days_between,
    offsets_in,
)

HOUR = timedelta(hours=1)
# Three of one-hour changes on both halves of the earth, a quarter of an hour, half an hour's
# change, changes at midnight, and one round a fast.
ZONES = (
    "Europe/Paris",
    "Pacific/Auckland",
    "America/Los_Angeles",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Africa/Casablanca",
)
moments = st.datetimes(
    min_value=datetime(2015, 1, 1),  # noqa: DTZ001 - the zone comes with `timezones`
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moment=moments, name=st.sampled_from(ZONES))
def test_day_is_that_of_another_reading_of_the_zone(moment, name):
    day = moment.astimezone(tz.gettz(name)).date()
    assert calendar_day(moment, ZoneInfo(name)) == day


@given(one=moments, other=moments, name=st.sampled_from(ZONES), share=st.floats(0, 1))
def test_offsets_give_the_day(one, other, name, share):
    since, until = sorted((one, other))
    moment = since + share * (until - since)
    offsets = offsets_in(ZoneInfo(name), since=since, until=until)
    assert offsets[0].since is None
    assert all(since < later.since <= until for later in offsets[1:])
    shift = [row.shift for row in offsets if row.since is None or row.since <= moment][-1]
    assert (moment + shift).date() == calendar_day(moment, ZoneInfo(name))


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Paris", date(2026, 3, 29), 23),
        ("Europe/Paris", date(2026, 10, 25), 25),
        ("America/Los_Angeles", date(2026, 3, 8), 23),
        ("America/Los_Angeles", date(2026, 11, 1), 25),
        ("Pacific/Auckland", date(2026, 9, 27), 23),
        ("Pacific/Auckland", date(2026, 4, 5), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
        ("UTC", date(2026, 3, 29), 24),
    ],
)
def test_days_have_the_hours_that_clocks_give_them(name, day, hours):
    zone = ZoneInfo(name)
    begins, ends = beginning_of(day, zone), beginning_of(day + timedelta(days=1), zone)
    assert ends - begins == hours * HOUR
    moment = timedelta(microseconds=1)
    assert calendar_day(begins, zone) == calendar_day(ends - moment, zone) == day
    assert calendar_day(begins - moment, zone) == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("Europe/Paris", "2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"),
        ("Pacific/Auckland", "2026-04-04T14:00:00+00:00", "2026-09-26T14:00:00+00:00"),
    ],
)
def test_offsets_begin_when_clocks_change(name, first, second):
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    offsets = offsets_in(ZoneInfo(name), since=year[0], until=year[1])
    assert [row.since and row.since.isoformat() for row in offsets] == [None, first, second]


def test_offset_that_changes_at_the_last_moment_is_found():
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    for late in (timedelta(0), timedelta(seconds=1, microseconds=500_000)):
        offsets = offsets_in(ZoneInfo("Europe/Paris"), since=change - HOUR, until=change + late)
        assert [row.since for row in offsets] == [None, change]


def test_week_over_a_change_is_seven_days():
    start = datetime(2026, 10, 22, 9, 30, tzinfo=UTC)
    week = timedelta(days=7)
    assert days_between(start, start + week + HOUR, ZoneInfo("Europe/Paris")) == 7
    assert days_between(start, start + week, ZoneInfo("Europe/Paris")) < 7
    assert days_between(start, start + week, ZoneInfo("UTC")) == 7
    assert days_between(start + week, start, ZoneInfo("UTC")) == -7
