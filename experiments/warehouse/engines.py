"""Opening a warehouse by its address: DuckDB, Parquet files, PostgreSQL, ClickHouse, Spark.

Every session is set to UTC; days of other time zones come of offsets in the query.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ibis
from ibis import Table
from ibis.backends import BaseBackend

Answer = TypeVar("Answer")
SPARK_MASTERS = ("spark", "local", "local-cluster", "yarn", "k8s")


class WarehouseError(Exception):
    """The warehouse cannot be opened or queried; the message gives the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """An open warehouse and its table of events."""

    backend: BaseBackend
    events: Table

    def rows(self, expression: Table) -> list[dict[str, Any]]:
        """Return the rows of the expression as Python values."""
        return _run_guarded(lambda: self.backend.to_pyarrow(expression).to_pylist())


@contextmanager
def open_warehouse(url: str, *, table: str) -> Iterator[Warehouse]:
    """Open the warehouse at an address and close it afterwards.

    Raises:
        WarehouseError: If the address is of no known kind, or the engine refuses.
    """
    backend, read_table = _connect(url)
    try:
        yield Warehouse(backend=backend, events=_run_guarded(lambda: read_table(table)))
    finally:
        backend.disconnect()


POSTGRES_SESSION = (
    "SET TIME ZONE 'UTC'",
    "SET default_transaction_read_only = on",
    # The planner expects one row where a window leaves one a visitor, and would compare all pairs.
    "SET enable_nestloop = off",
)
Connection = tuple[BaseBackend, Callable[[str], Table]]


def _connect(url: str) -> Connection:
    kind = urlsplit(url).scheme or url.partition("[")[0]
    if kind in SPARK_MASTERS:
        return _run_guarded(lambda: _spark(url))
    if kind not in ENGINES:
        kinds = ", ".join([*ENGINES, "spark"])
        raise WarehouseError(f"url: {url!r} is none of {kinds}")
    return _run_guarded(lambda: ENGINES[kind](url))


def _run_guarded(call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except WarehouseError:
        raise
    except Exception as error:
        # Engines have no common class of errors.
        raise WarehouseError(f"{type(error).__name__}: {error}") from error


def _parquet(url: str) -> Connection:
    folder = Path(urlsplit(url).path)
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [folder]
    if not all(file.is_file() for file in files) or not files:
        raise WarehouseError(f"url: no Parquet file at {str(folder)!r}")
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    names = [str(file) for file in files]
    # Files of earlier days may lack a column that was added since.
    return backend, lambda _: backend.read_parquet(names, union_by_name=True)


def _duckdb(url: str) -> Connection:
    backend = ibis.duckdb.connect(urlsplit(url).path, read_only=True)
    backend.raw_sql("SET TimeZone = 'UTC'")
    return backend, backend.table


def _postgres(url: str) -> Connection:
    backend = ibis.connect(url)
    for statement in POSTGRES_SESSION:
        backend.raw_sql(statement).close()
    return backend, backend.table


def _clickhouse(url: str) -> Connection:
    backend = ibis.connect(url)
    return backend, backend.table


def _spark(url: str) -> Connection:
    try:
        # An optional extra.
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise WarehouseError("Spark needs the package pyspark.") from error
    session = (
        SparkSession.builder.master(url)
        .appName("ctaopt")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.parquet.mergeSchema", "true")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    backend = ibis.pyspark.connect(session)

    def read_table(table: str) -> Table:
        return backend.read_parquet(table) if "/" in table else backend.table(table)

    return backend, read_table


ENGINES: dict[str, Callable[[str], Connection]] = {
    "parquet": _parquet,
    "duckdb": _duckdb,
    "postgres": _postgres,
    "postgresql": _postgres,
    "clickhouse": _clickhouse,
}
