"""The warehouse's words are the service's own."""

from decimal import Decimal

import ibis
import pytest

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
