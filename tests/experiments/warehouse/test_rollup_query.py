"""The warehouse's words are the service's own."""

import ibis

from experiments.event_schema.messages import Attributes
from experiments.models.rollup import AMOUNTS, LEFT_OUT_COLUMNS
from experiments.warehouse import rollup_query
from experiments.warehouse.event_layout import ATTRIBUTES, COLUMNS
from experiments.warehouse.experiment_query import ExperimentQuery

ENGINES = ("duckdb", "postgres", "clickhouse", "pyspark")


def test_sums_are_the_amounts_of_a_rollup():
    assert rollup_query.SUMS == AMOUNTS
    assert tuple(LEFT_OUT_COLUMNS.values()) == rollup_query.LEFT_OUT
    assert [int(reason) for reason in LEFT_OUT_COLUMNS] == [1, 2, 3, 4, 5]


def test_every_attribute_that_is_kept_splits():
    everything = Attributes(device="mobile", locale="fr", country="FR", new_visitor=True)
    assert sorted(everything.kept()) == list(ATTRIBUTES)


def test_no_engine_is_asked_for_a_distinct_count_or_a_float():
    query = ExperimentQuery(
        site="shop", experiment="test", metric="value_per_visitor", goal="buy",
        guardrail_goals=("read",),
    )  # fmt: skip
    events = ibis.table(COLUMNS, name="events")
    for expression in (rollup_query.rollups_of, rollup_query.goal_rollups_of):
        for engine in ENGINES:
            sql = str(ibis.to_sql(expression(events, query), dialect=engine)).lower()
            assert not any(word in sql for word in ("distinct", "uniq", "double", "float"))
