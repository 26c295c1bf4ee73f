import pytest

from experiments.stats.engine.table_columns import ColumnChoice
from experiments.stats.engine.table_rows import ArmTableError, RowReader
from tables.source import Reading, Row, Table

COUNTS = ColumnChoice(arm="arm", visitors="n", metrics=("clicks",))


def table(*rows):
    found = [Row(line=at, cells=row) for at, row in enumerate(rows, start=2)]
    columns = ("arm", "n", "clicks")
    return Table(columns=columns, reading=Reading(kind="text"), rows=lambda: iter(found))


def test_counts_are_read_by_the_evidence_of_all_columns():
    reader = RowReader(
        table(("A", "1.234", "12"), ("B", "1.234.567", "1.000")), COUNTS, decimal=None
    )
    assert [(entry.n, entry.values) for entry in reader.entries()] == [
        (1_234, (12,)),
        (1_234_567, (1_000,)),
    ]


def test_all_bad_rows_are_counted_and_twenty_are_named():
    rows = [("A", "10", "x")] * 25
    reader = RowReader(table(*rows), COUNTS, decimal=None)
    with pytest.raises(ArmTableError, match="25 rows cannot be read") as refusal:
        list(reader.entries())
    assert [one.line for one in refusal.value.faults] == list(range(2, 22))


def test_typed_numbers_of_workbooks_are_taken_as_they_are():
    reader = RowReader(table(("A", 100, 5.0), ("B", 100, True)), COUNTS, decimal=None)
    with pytest.raises(ArmTableError, match="line 3: clicks: 'true' is not a number"):
        list(reader.entries())
