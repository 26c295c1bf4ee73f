"""The warehouse's words are the service's own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import ibis
import pytest
from dateutil import tz

from experiments.event_schema.calendar_days import offsets_in
from experiments.event_schema.messages import Attributes
from experiments.models.rollup import AMOUNTS, LEFT_OUT_COLUMNS
from experiments.warehouse import rollup_query
from experiments.warehouse.event_layout import ATTRIBUTES, COLUMNS, LATER_FLAGS
from experiments.warehouse.experiment_query import ExperimentQuery
from tests.factories import NOW

ENGINES = ("duckdb", "postgres", "clickhouse", "pyspark")


def test_sums_are_the_amounts_of_a_rollup():
    assert rollup_query.SUMS == AMOUNTS
    assert tuple(LEFT_OUT_COLUMNS.values()) == rollup_query.LEFT_OUT


def test_every_attribute_that_is_kept_splits():
    everything = Attributes(device="mobile", locale="fr", country="FR", new_visitor=True)
    assert sorted(everything.kept()) == list(ATTRIBUTES)


@pytest.mark.parametrize("cap", [None, Decimal(100), Decimal("99.50")])
def test_no_engine_is_asked_for_a_distinct_count_or_a_float(cap):
    query = ExperimentQuery(
        site="shop", experiment="test", metric="value_per_visitor", goal="buy",
        guardrail_goals=("read",), value_cap=cap,
    )  # fmt: skip
    events = ibis.table(COLUMNS | LATER_FLAGS, name="events")
    for expression in (rollup_query.rollups_of, rollup_query.goal_rollups_of):
        for engine in ENGINES:
            sql = str(ibis.to_sql(expression(events, query), dialect=engine)).lower()
            assert not any(word in sql for word in ("distinct", "uniq", "double", "float"))


def test_table_without_a_later_flag_leaves_nobody_out_for_it():
    query = ExperimentQuery(site="shop", experiment="test", metric="click_rate")
    row = dict.fromkeys(COLUMNS, None) | {
        "value": 0,
        "site": "shop", "event_id": "e", "type": "exposure", "visitor": "v", "experiment": "test",
        "variant": "b", "occurred_at": NOW, "received_at": NOW, "is_bot": False,
        "is_internal": False, "is_prefetched": False,
    }  # fmt: skip
    events = ibis.memtable([row], schema=COLUMNS)
    (counted,) = (
        ibis.duckdb.connect().to_pyarrow(rollup_query.rollups_of(events, query)).to_pylist()
    )
    assert (counted["visitors"], counted["unexplained_visitors"]) == (1, 0)


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Paris", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Europe/Paris", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 9, 26, 14, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 11, 1, 9, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ],
)
def test_days_are_those_of_the_time_zone_where_clocks_change(zone, change):
    """A row every quarter of an hour, and a second before it."""
    moments = [
        change + quarter * timedelta(minutes=15) - late
        for quarter in range(-110, 111)
        for late in (timedelta(seconds=1), timedelta(0))
    ]
    whole_year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    offsets = offsets_in(ZoneInfo(zone), since=whole_year[0], until=whole_year[1])
    query = ExperimentQuery(site="shop", experiment="test", metric="click_rate", offsets=offsets)
    row = dict.fromkeys(COLUMNS, None) | {
        "value": 0, "site": "shop", "type": "exposure", "experiment": "test", "variant": "b",
        "received_at": NOW, "is_bot": False, "is_internal": False, "is_prefetched": False,
    }  # fmt: skip
    rows = [
        row | {"event_id": f"e-{number}", "visitor": f"v-{number}", "occurred_at": moment}
        for number, moment in enumerate(moments)
    ]
    counted = rollup_query.rollups_of(ibis.memtable(rows, schema=COLUMNS), query)
    visitors = {
        one["day"]: one["visitors"] for one in ibis.duckdb.connect().to_pyarrow(counted).to_pylist()
    }
    days = [moment.astimezone(tz.gettz(zone)).date() for moment in moments]
    assert visitors == {day: days.count(day) for day in days}
    assert len(visitors) in (3, 4)
