"""Seconds a million events in each engine of the warehouse, beside a bare scan of the same rows.

One experiment of 300,000 visitors with values, a guardrail and a pre-period, out of a million
events: the expression of `experiments.warehouse` by the same code as `analyze_warehouse`, and
next to it one query that reads every column the expression reads and counts nothing. Rounds are
interleaved, medians are kept; Spark, a cluster of two executors, warms up once. All engines must
give the same sums. Beside that, what an event takes on disk (in Parquet files, and in SQLite and
PostgreSQL as the service stores it, indexes included), and how fast events of new visitors fold.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from recording import PROJECT, record

from experiments.event_schema.calendar_days import offsets_in
from experiments.warehouse.engines import Warehouse, open_warehouse
from experiments.warehouse.event_layout import COLUMNS
from experiments.warehouse.experiment_query import ExperimentQuery
from experiments.warehouse.rollup_query import goal_rollups_of, rollups_of
from tests.clickhouse import clickhouse
from tests.servers import PostgresServer

EVENTS, VISITORS, SEED, ROUNDS = 1_000_000, 300_000, 20_261_125, 3
START = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 20
SPARK = "local-cluster[2,1,1024]"
QUESTION = ExperimentQuery(
    site="shop",
    experiment="test",
    metric="value_per_visitor",
    goal="buy",
    guardrail_goals=("read",),
    # As long as those of an experiment; see `warehouse_source`.
    offsets=offsets_in(
        ZoneInfo("Europe/Paris"),
        since=datetime(2025, 1, 1, tzinfo=UTC),
        until=datetime(2036, 1, 1, tzinfo=UTC),
    ),
)
KINDS = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "decimal(19, 6)": pa.decimal128(19, 6),
    "timestamp('UTC', 6)": pa.timestamp("us", "UTC"),
}
# Ibis 12 and Spark 4 ask DuckDB 2 and pandas 3 by names of before.
warnings.simplefilter("ignore", DeprecationWarning)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        events = written(folder / "events")
        set_spark(folder)
        postgres = PostgresServer()
        stack.callback(postgres.remove)
        postgres.start()
        addresses = {
            "duckdb on parquet": (f"parquet:{events.parent}", "events"),
            "postgresql": (filled(postgres, events), "events"),
            "clickhouse (chdb)": (stack.enter_context(clickhouse(events)), "events"),
            "spark, two executors": (SPARK, str(events.parent)),
        }
        opened = {
            engine: stack.enter_context(open_warehouse(url, table=table))
            for engine, (url, table) in addresses.items()
        }
        record(
            "warehouse",
            {
                "events": EVENTS,
                "visitors": VISITORS,
                "rounds": ROUNDS,
                "engines": measured(opened),
                "parquet_bytes_an_event": round(events.stat().st_size / EVENTS, 1),
                "stored": stored(folder, postgres),
            },
        )


# The events


def written(folder: Path) -> Path:
    """Write a million events: exposures, clicks and conversions of one experiment in three days."""
    rng = np.random.default_rng(SEED)
    kinds = rng.choice(["exposure", "click", "conversion"], EVENTS, p=[0.7, 0.2, 0.1])
    # Each visitor keeps one arm, and some see both.
    visitors = rng.integers(0, VISITORS, EVENTS)
    arms = np.where((visitors % 2 == 0) ^ (rng.random(EVENTS) < 0.001), "b", "control")
    shown = kinds != "conversion"
    moments = rng.integers(0, DAYS * 86_400_000_000, EVENTS)
    columns: dict[str, Any] = {
        "site": np.full(EVENTS, "shop"),
        "event_id": [f"{number:032x}" for number in rng.permutation(EVENTS)],
        "type": kinds,
        "visitor": [f"visitor-{number:012d}" for number in visitors],
        "experiment": np.where(shown, "test", None),
        "variant": np.where(shown, arms, None),
        "goal": np.where(shown, None, rng.choice(["buy", "read"], EVENTS)),
        "value": [
            None if is_shown else Decimal(int(cents)).scaleb(-2)
            for is_shown, cents in zip(shown, rng.integers(100, 20_000, EVENTS), strict=True)
        ],
        "occurred_at": [START + timedelta(microseconds=int(moment)) for moment in moments],
        "device": np.where(kinds == "exposure", rng.choice(["mobile", "desktop"], EVENTS), None),
        "locale": np.where(kinds == "exposure", rng.choice(["fr", "en", "de"], EVENTS), None),
    }
    columns["received_at"] = columns["occurred_at"]
    columns |= {name: np.zeros(EVENTS, bool) for name, kind in COLUMNS.items() if kind == "boolean"}
    schema = pa.schema([(name, KINDS[kind]) for name, kind in COLUMNS.items()])
    nothing = pa.nulls(EVENTS, pa.string())
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else nothing
        for field in schema
    ]
    folder.mkdir()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / "events.parquet")
    return folder / "events.parquet"


def filled(postgres: PostgresServer, events: Path) -> str:
    """Return the address of a database with the events in one table, without indexes."""
    url = postgres.create("warehouse")
    backend = ibis.connect(url)
    backend.create_table("events", schema=ibis.schema(COLUMNS))
    backend.disconnect()
    text = io.BytesIO()
    csv.write_csv(pq.read_table(events), text, csv.WriteOptions(include_header=False))
    with postgres.connect("warehouse") as connection:
        with connection.cursor().copy("COPY events FROM STDIN (FORMAT csv)") as copy:
            copy.write(text.getbuffer())
        connection.execute("ANALYZE events")
    return url


def set_spark(folder: Path) -> None:
    """Settings of a small cluster that speaks on the loopback, in the environment."""
    (folder / "spark-defaults.conf").write_text(
        "spark.executor.memory 1g\nspark.driver.host 127.0.0.1\n"
        "spark.driver.bindAddress 127.0.0.1\nspark.sql.shuffle.partitions 4\n"
    )
    (folder / "log4j2.properties").write_text("rootLogger.level = off\n")
    os.environ |= {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}
    os.chdir(folder)


# Time


def measured(opened: dict[str, Warehouse]) -> dict[str, Any]:
    spark = next(one for name, one in opened.items() if name.startswith("spark"))
    counted(spark)
    times: dict[str, dict[str, list[float]]] = {name: {"sums": [], "scan": []} for name in opened}
    answers = {}
    for _ in range(ROUNDS):
        for name, warehouse in opened.items():
            seconds, answers[name] = timed(lambda one=warehouse: counted(one))
            times[name]["sums"].append(seconds)
            times[name]["scan"].append(timed(lambda one=warehouse: scanned(one))[0])
    first, *others = answers.values()
    assert all(one == first for one in others), "engines differ"
    return {name: figures(one) for name, one in times.items()}


def figures(times: dict[str, list[float]]) -> dict[str, float]:
    sums, scan = (statistics.median(times[name]) for name in ("sums", "scan"))
    millions = EVENTS / 1_000_000
    return {
        "seconds_a_million": round(sums / millions, 3),
        "bare_scan_seconds_a_million": round(scan / millions, 3),
        "times_the_scan": round(sums / scan, 1),
    }


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = perf_counter()
    answer = call()
    return perf_counter() - began, answer


def counted(warehouse: Warehouse) -> list[str]:
    """Return the sums as text, in one order for all engines."""
    rows = warehouse.rows(rollups_of(warehouse.events, QUESTION))
    goals = warehouse.rows(goal_rollups_of(warehouse.events, QUESTION))
    return sorted(
        repr({name: number(value) for name, value in row.items()}) for row in (*rows, *goals)
    )


def number(value: Any) -> Any:
    """Return a decimal without its trailing zeros: engines pad differently."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def scanned(warehouse: Warehouse) -> Any:
    """Read every column that the sums need, once."""
    rows = warehouse.events
    numbers = [
        rows[name].cast("int32").sum() for name, kind in COLUMNS.items() if kind == "boolean"
    ]
    texts = [rows[name].max() for name, kind in COLUMNS.items() if kind != "boolean"]
    return warehouse.rows(rows.aggregate([*numbers, *texts]))


# Space


STORE = """
import django, json, sys; django.setup()
from datetime import UTC, datetime
from time import perf_counter
from django.core.management import call_command
from django.db import connection
from uuid6 import uuid7
from experiments.services.events.store import EventRow, store
from experiments.services.rollups.folding import fold_pending
from tests import factories
call_command("migrate", verbosity=0)
experiment = factories.make_running_experiment(factories.make_slot(factories.make_site()))
control, b = experiment.variants.all()
now, size, attributes = datetime.now(UTC), int(sys.argv[1]), '{"device": "mobile", "locale": "fr"}'
def row(number):
    arm = (control, b)[number % 2]
    shown = ("exposure", f"visitor-{number:012d}", experiment.pk, arm.pk, 0.5, "", None, "")
    return EventRow(uuid7(), experiment.slot.site_id, *shown, attributes, now, now, 0)
def size_of_database():
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        else:
            cursor.execute("SELECT pg_database_size(current_database())")
        return cursor.fetchone()[0]
before = size_of_database()
for start in range(0, size, 5_000):
    store([[row(number) for number in range(start, start + 5_000)]])
stored = size_of_database()
began = perf_counter()
fold_pending()
seconds = perf_counter() - began
print(json.dumps({
    "bytes_an_event": round((stored - before) / size, 1),
    "bytes_a_visitors_outcome": round((size_of_database() - stored) / size, 1),
    "folded_events_per_s": round(size / seconds),
}))
"""
ROWS_STORED = 100_000


def stored(folder: Path, postgres: PostgresServer) -> dict[str, dict[str, float]]:
    """Return what events of as many visitors take in each database, and how fast they are folded.

    The hardest case for both: every event is a visitor's first.
    """
    urls = {
        "sqlite": f"sqlite:///{folder / 'space.sqlite3'}",
        "postgresql": postgres.create("space"),
    }
    return {name: stored_in(url, folder) for name, url in urls.items()}


def stored_in(url: str, folder: Path) -> dict[str, float]:
    variables = {"DATABASE_URL": url, "CTAOPT_DATA_DIR": str(folder / "data")}
    result = subprocess.run(
        [sys.executable, "-c", STORE, str(ROWS_STORED)],
        env=os.environ | variables | {"DJANGO_SETTINGS_MODULE": "ctaopt.settings.test"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
