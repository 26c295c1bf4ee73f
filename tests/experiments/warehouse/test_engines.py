"""Every engine counts what the product counts, to the last digit."""

import os
import random
import shutil
import subprocess
import sys

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.models import Event, Experiment, Rollup
from experiments.selectors import reports
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.analysis.warehouse_source import count_in, differences
from experiments.warehouse.engines import open_warehouse
from tests.clickhouse import clickhouse
from tests.crowd import drawn_messages, take_in, write_events
from tests.experiments.services.recounting import (
    ACTS,
    COUNTS,
    COVARIATES,
    cell,
    recount,
)
from tests.missing import leave_out

# Ibis 12 asks DuckDB 2 by a name that DuckDB has given another.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
SPARK = "local-cluster[2,1,512]"


def address_of(database):
    """The address by which another process opens the test database."""
    values = database.settings_dict
    if database.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return f"postgres://{values['USER']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


def assert_equal_sums(url, table="events"):
    """The warehouse's sums of all experiments are the stored rollups."""
    with open_warehouse(url, table=table) as warehouse:
        for experiment in reports.experiments_for_report():
            counts = count_in(warehouse, experiment)
            assert differences(StoredCounts(experiment), counts) == []
            assert len(counts.rollups) == Rollup.objects.filter(experiment=experiment).count() > 50


def test_parquet_files_give_the_rollups(crowd):
    assert_equal_sums(f"parquet:{crowd}")


def test_duckdb_gives_the_rollups(crowd, tmp_path):
    with duckdb.connect(tmp_path / "own.duckdb") as own:
        own.read_parquet(f"{crowd}/*/*.parquet").to_table("events")
    assert_equal_sums(f"duckdb:{tmp_path / 'own.duckdb'}")


@pytest.mark.postgres
def test_postgresql_gives_the_rollups(crowd, postgres_server):
    url = postgres_server.create("warehouse")
    backend = ibis.connect(url)
    backend.create_table("events", pq.read_table(crowd))
    backend.disconnect()
    assert_equal_sums(url)


def test_clickhouse_gives_the_rollups(crowd):
    with clickhouse(crowd / "*" / "*.parquet") as url:
        assert_equal_sums(url)


@pytest.fixture
def spark_settings(tmp_path):
    """The environment of a small cluster whose processes talk on the loopback only."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        leave_out("Java is not installed (Debian package default-jre-headless)")
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text(
        "spark.executor.memory 512m\nspark.driver.bindAddress 127.0.0.1\n"
        "spark.driver.host 127.0.0.1\nspark.sql.shuffle.partitions 1\n"
        # Compiling each stage takes longer than these few rows.
        "spark.sql.codegen.wholeStage false\n"
    )
    (folder / "log4j2.properties").write_text("rootLogger.level = off\n")
    return {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}


@pytest.mark.slow
def test_spark_cluster_gives_the_rollups(
    real_database, crowd, spark_settings, tmp_path, pytestconfig
):
    # The command in a process of its own, as anybody runs it: a JVM would outlive the test.
    keys = ["popup-test"]  # Values, guardrails and an end: all there is to count.
    options = ["--compare", "--url", SPARK, "--table", crowd]
    result = subprocess.run(
        [sys.executable, pytestconfig.rootpath / "manage.py", "analyze_warehouse", *keys, *options],
        env=os.environ | spark_settings | {"DATABASE_URL": address_of(connection)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert [line.split(": equal")[0] for line in result.stdout.splitlines()] == keys


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None
)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 60), visitors=st.integers(1, 6))
def test_any_events_give_an_independent_recount(shop, tmp_path, seed, count, visitors):
    Event.objects.all().delete()
    rng = random.Random(seed)  # noqa: S311  a test's dice
    take_in(rng, drawn_messages(rng, count, visitors))
    path = write_events(tmp_path / "events.parquet")
    with open_warehouse(f"parquet:{path}", table="") as warehouse:
        for experiment in Experiment.objects.exclude(key="footer-test"):
            counted = {
                cell(row.variant, row.day, row.phase): tuple(
                    getattr(row, name) for name in COUNTS + COVARIATES + ACTS
                )
                for row in count_in(warehouse, experiment).everybody()
            }
            assert counted == recount(experiment, columns=COUNTS + COVARIATES + ACTS)


def test_files_of_before_a_column_stand_beside_later_ones(tmp_path):
    row = {"site": "shop", "visitor": "v"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "1.parquet")
    later = pa.Table.from_pylist([row | {"is_unexplained": True}])
    pq.write_table(later, tmp_path / "2.parquet")
    with open_warehouse(f"parquet:{tmp_path}", table="") as warehouse:
        rows = warehouse.rows(warehouse.events)
    assert [one["is_unexplained"] for one in rows] == [None, True]
