"""Day partitions: cut by the id, made ahead, dropped whole, and never in the way."""

from datetime import date, timedelta
from threading import Event as Flag

import pytest
from django.db import connection, transaction

from experiments.event_schema.ids import day_of, first_id
from experiments.models import Event
from experiments.services.events.partitions import (
    DAYS_AHEAD,
    DAYS_BACK,
    drop_partition,
    make_event_partitions,
    make_partitions,
    partition_days,
)
from experiments.services.events.store import EventRow, store
from tests import factories
from tests.factories import NOW
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)
TODAY = NOW.date()


@pytest.fixture
def arm(db):
    return factories.make_running_experiment(
        factories.make_slot(factories.make_site())
    ).variants.get(arm=1)


def partition_of(event):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM experiments_event WHERE event_id = %s",
            [event.event_id],
        )
        return cursor.fetchone()[0]


def test_database_without_partitions_needs_none(db):
    if connection.vendor != "postgresql":
        assert make_event_partitions(now=NOW) == partition_days() == []


@pytest.mark.only_on_postgres
def test_partitions_are_made_ahead_once(db):
    # A time of its own: tests whose transactions commit leave partitions around NOW.
    now = NOW + 400 * DAY
    days = [now.date() + n * DAY for n in range(-DAYS_BACK, DAYS_AHEAD + 1)]
    assert make_event_partitions(now=now) == days
    assert set(days) <= set(partition_days())
    assert make_event_partitions(now=now) == []
    assert make_event_partitions(now=now + DAY) == [days[-1] + DAY]


@pytest.mark.only_on_postgres
def test_event_lies_in_the_partition_of_its_id(arm):
    late = NOW.replace(hour=23, minute=59, second=59, microsecond=999_999)
    for at, day in ((late, TODAY), (late + timedelta(microseconds=1), TODAY + DAY)):
        assert partition_of(factories.make_event(arm, at=at)) == f"experiments_event_{day:%Y%m%d}"


def test_first_id_of_a_day_is_a_bound():
    last, first = factories.event_id(NOW.replace(hour=0) - timedelta(hours=12)), first_id(TODAY)
    assert last < first < factories.event_id(NOW.replace(hour=0, minute=0))
    assert (day_of(first), day_of(last)) == (TODAY, TODAY - DAY)
    assert day_of(first_id(date(1970, 1, 1))) == date(1970, 1, 1)


@pytest.mark.only_on_postgres
def test_partition_is_dropped_with_its_events(real_database):
    slot = factories.make_slot(factories.make_site())
    arm = factories.make_running_experiment(slot).variants.get(arm=1)
    factories.make_event(arm, at=NOW - DAY)
    kept = factories.make_event(arm)
    drop_partition(TODAY - DAY)
    assert TODAY - DAY not in partition_days()
    assert Event.objects.get() == kept


@pytest.mark.only_on_postgres
def test_making_a_partition_waits_for_no_reader_or_writer(real_database):
    site = factories.make_site()
    make_partitions([TODAY])
    shown = ("conversion", "v-1", None, None, None, "signup", None, "", "{}")
    row = EventRow(factories.event_id(), site.pk, *shown, NOW, NOW, 0)
    written, made = Flag(), Flag()

    def writer():
        with transaction.atomic():
            assert store([[row]]) == [1]
            assert Event.objects.count() == 1
            written.set()
            assert made.wait(timeout=240)

    def maker():
        assert written.wait(timeout=240)
        days = make_partitions([TODAY + DAY])
        made.set()
        return days

    assert in_threads(writer, maker) == [None, [TODAY + DAY]]
