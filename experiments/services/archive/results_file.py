"""Results of all past tests as one Parquet file for a BI tool: a row for each wording of a test."""

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from django.db.models import QuerySet

from experiments.models import PastTest, Site
from experiments.selectors import history

if TYPE_CHECKING:
    import pyarrow as pa

MEDIA_TYPE = "application/vnd.apache.parquet"
TESTS_A_GROUP = 5_000
# Columns of a test that are those of the archive. Names in the file are stored; never rename.
OF_THE_TEST = (
    *("source", "name", "verdict", "metric", "placement", "audience", "locale", "form"),
    *("started_on", "ended_on", "lift", "lift_low", "lift_high"),
    *("suspect", "is_simulated", "is_shipped", "kept_at"),
)
OF_THE_ARM = ("text", "is_control", "visitors", "clicks", "rate", "log", "variance", "verb_form")


def write_results(file: IO[bytes], *, sites: QuerySet[Site]) -> int:
    """Write the results of all past tests of some sites; return the number of rows.

    Args:
        file: Takes the bytes of a Parquet file.
        sites: Sites whose tests are written.
    """
    # Not at the top: a web process loads it with the first file that is asked for.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    n_rows = 0
    with pq.ParquetWriter(file, _schema(), compression="zstd") as writer:
        for rows in _groups(sites):
            writer.write_table(pa.Table.from_pylist(rows, schema=_schema()))
            n_rows += len(rows)
    return n_rows


def _schema() -> "pa.Schema":
    import pyarrow as pa  # noqa: PLC0415

    text, number, flag, day = pa.string(), pa.float64(), pa.bool_(), pa.date32()
    columns = [("test", pa.int64()), ("site", text), ("experiment", text), ("slot", text)]
    kinds = {"started_on": day, "ended_on": day, "kept_at": pa.timestamp("us", tz="UTC")}
    kinds |= dict.fromkeys(("lift", "lift_low", "lift_high", "rate", "log", "variance"), number)
    kinds |= dict.fromkeys(("suspect", "is_simulated", "is_shipped", "is_control"), flag)
    kinds |= dict.fromkeys(("visitors", "clicks"), pa.int64())
    columns += [(name, kinds.get(name, text)) for name in OF_THE_TEST]
    columns += [("tags", pa.list_(text)), ("arm", pa.int32())]
    columns += [(name, kinds.get(name, text)) for name in OF_THE_ARM]
    return pa.schema([*columns, ("is_best", flag), ("principles", pa.list_(text))])


def _groups(sites: QuerySet[Site]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of some thousand tests at a time, in the order in which they came in."""
    rows: list[dict[str, Any]] = []
    tests = history.past_tests(sites=sites).order_by("pk").defer("words")
    for number, test in enumerate(tests.iterator(chunk_size=TESTS_A_GROUP), 1):
        rows += _rows(test)
        if number % TESTS_A_GROUP == 0:
            yield rows
            rows = []
    if rows:
        yield rows


def _rows(test: PastTest) -> Iterator[dict[str, Any]]:
    shared = {name: getattr(test, name) for name in OF_THE_TEST} | {
        "test": test.pk,
        "site": test.site.key,
        "experiment": test.experiment.key if test.experiment else None,
        "slot": test.slot.key if test.slot else None,
        "tags": test.tags.strip("\n").split("\n") if test.tags else [],
    }
    for number, arm in enumerate(test.arms):
        own = {name: arm[name] for name in OF_THE_ARM}
        is_best = bool(test.best) and arm["text"] == test.best
        yield (
            shared
            | own
            | {
                "arm": number,
                "is_best": is_best,
                "principles": arm["principles"],
            }
        )
