"""The table of docs/scaling.md, computed from benchmarks/results/events.json and warehouse.json.

    python benchmarks/capacity.py           # print it
    python benchmarks/capacity.py --write   # and put it into docs/scaling.md

No figure is typed in: rates and bytes are the measured ones of one small machine, and what is
assumed stands in ASSUMED and in the text of the page.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "scaling.md"
BEGIN, END = "<!-- capacity: begin -->", "<!-- capacity: end -->"
VOLUMES = (10**6, 10**7, 10**8, 10**9, 10**10)
DAY_S = 86_400
RESULTS = ("events", "warehouse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What no benchmark says."""

    peak_to_mean: float = 3.0
    share_of_load: float = 0.7
    days_kept: int = 90
    days_of_a_test: int = 30
    large_disk_bytes: float = 2e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Events a second of one machine, bytes an event, seconds a million events."""

    sqlite_per_s: float
    postgresql_per_s: float
    redis_per_s: float
    drained_per_s: float
    folded_sqlite_per_s: float
    folded_postgresql_per_s: float
    sqlite_bytes: float
    postgresql_bytes: float
    parquet_bytes: float
    duckdb_s_a_million: float
    spark_s_a_million: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One volume: what it asks for, and what does not hold any more."""

    events_a_day: int
    peak_per_s: float
    sqlite_load: float
    web_machines: int
    databases: int
    stored_bytes: float
    parquet_bytes: float
    count_s: float
    breaks: tuple[str, ...]


ASSUMED = Assumed()


def measured(folder: Path) -> Measured:
    """Read the figures of the last runs.

    Raises:
        SystemExit: If a benchmark has not been run; the text names it.
    """
    events, warehouse = (_result(folder, name) for name in RESULTS)
    paths, space, engines = events["paths"], warehouse["stored"], warehouse["engines"]
    return Measured(
        sqlite_per_s=paths["sqlite"]["events_per_s"],
        postgresql_per_s=paths["postgresql"]["events_per_s"],
        redis_per_s=paths["redis"]["taken_in_per_s"],
        drained_per_s=paths["redis"]["drained_per_s"],
        folded_sqlite_per_s=space["sqlite"]["folded_events_per_s"],
        folded_postgresql_per_s=space["postgresql"]["folded_events_per_s"],
        sqlite_bytes=space["sqlite"]["bytes_an_event"],
        postgresql_bytes=space["postgresql"]["bytes_an_event"],
        parquet_bytes=warehouse["parquet_bytes_an_event"],
        duckdb_s_a_million=engines["duckdb on parquet"]["seconds_a_million"],
        spark_s_a_million=engines["spark, two executors"]["seconds_a_million"],
    )


def _result(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    if not path.is_file():
        raise SystemExit(f"{path}: run benchmarks/bench_{name}.py first")
    result: dict[str, Any] = json.loads(path.read_text())
    return result


def size_of(events_a_day: int, known: Measured, assumed: Assumed = ASSUMED) -> Size:
    """Return what a volume asks for.

    >>> size_of(0, Measured(**dict.fromkeys(Measured.__slots__, 1.0))).breaks
    ()
    """
    mean = events_a_day / DAY_S
    peak = mean * assumed.peak_to_mean
    # A database drains bursts over the day, and folds what it has drained, by the same cores.
    database_per_s = 1 / (1 / known.drained_per_s + 1 / known.folded_postgresql_per_s)
    sqlite_per_s = 1 / (1 / known.sqlite_per_s + 1 / known.folded_sqlite_per_s)
    stored = events_a_day * assumed.days_kept * known.postgresql_bytes
    counted = events_a_day * assumed.days_of_a_test
    size = Size(
        events_a_day=events_a_day,
        peak_per_s=peak,
        sqlite_load=mean / sqlite_per_s,
        web_machines=_machines(peak, assumed.share_of_load * known.redis_per_s),
        databases=_machines(mean, assumed.share_of_load * database_per_s),
        stored_bytes=stored,
        parquet_bytes=events_a_day * assumed.days_kept * known.parquet_bytes,
        count_s=counted / 1e6 * known.duckdb_s_a_million,
        breaks=(),
    )
    limits = {
        "SQLite's one writer": peak > assumed.share_of_load * known.sqlite_per_s
        or mean > assumed.share_of_load * sqlite_per_s,
        "PostgreSQL without a stream": peak > assumed.share_of_load * known.postgresql_per_s,
        "one web machine": size.web_machines > 1,
        "one database": size.databases > 1,
        "one database's disk": stored > assumed.large_disk_bytes,
        "one machine's warehouse (an hour a count)": size.count_s > 3_600,
    }
    breaks = tuple(name for name, is_broken in limits.items() if is_broken)
    return Size(**{name: getattr(size, name) for name in Size.__slots__} | {"breaks": breaks})


def _machines(rate: float, capacity: float) -> int:
    return max(1, math.ceil(rate / capacity))


def table(known: Measured) -> str:
    """Return the table as Markdown; the last column names what is new at each step."""
    lines = [
        "| events a day | at the peak, a second | SQLite's load | web machines | databases "
        f"| raw events, {ASSUMED.days_kept} days: PostgreSQL, Parquet "
        f"| DuckDB counts {ASSUMED.days_of_a_test} days in | breaks first here |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    broken: set[str] = set()
    for volume in VOLUMES:
        size = size_of(volume, known)
        new = [name for name in size.breaks if name not in broken]
        broken |= set(new)
        lines.append(
            f"| {volume:,} | {size.peak_per_s:,.0f} | {_load(size.sqlite_load)} "
            f"| {size.web_machines:,} | {size.databases:,} "
            f"| {_bytes(size.stored_bytes)}, {_bytes(size.parquet_bytes)} "
            f"| {_time(size.count_s)} | {'; '.join(new) or '-'} |"
        )
    return "\n".join(lines)


def _load(share: float) -> str:
    return f"{share:.1%}" if share <= 1 else "over 100%"


def _bytes(number: float) -> str:
    size, unit = next((one for one in ((1e12, "TB"), (1e9, "GB")) if number >= one[0]), (1e6, "MB"))
    value = number / size
    return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def _time(seconds: float) -> str:
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s"


def stamp(folder: Path) -> str:
    """Return which runs the figures are of."""
    runs = [f"{name}.json of {_result(folder, name)['measured_at']}" for name in RESULTS]
    return f"Figures: {' and '.join(runs)}."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    folder = PROJECT / "benchmarks" / "results"
    text = f"{stamp(folder)}\n\n{table(measured(folder))}"
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
