import pytest

from experiments.stats.engine.arm_table import read_arm_table, requests_of
from experiments.stats.engine.table_columns import ColumnChoice
from experiments.stats.engine.table_rows import ArmTableError
from tables.source import Reading, Row, Table


def table(*rows, columns=("arm", "visitor", "day", "value")):
    found = [Row(line=at, cells=row) for at, row in enumerate(rows, start=2)]
    return Table(columns=columns, reading=Reading(kind="text"), rows=lambda: iter(found))


BY_VISITOR = ColumnChoice(arm="arm", visitor="visitor", day="day", metrics=("value",))


def test_rows_of_a_visitor_are_one_on_their_first_day():
    read = read_arm_table(
        table(
            ("A", "u1", "2026-11-02", "3"),
            ("A", "u1", "2026-11-01", "4"),
            ("B", "u2", "2026-11-02", "5"),
        ),
        BY_VISITOR,
    )
    first, last = read.looks
    assert (first["A"].n, first["B"].n) == (1, 0)
    assert (last["A"].totals, last["A"].squares) == ([7], [49])


def test_cap_is_of_a_visitor_and_not_of_a_row():
    read = read_arm_table(
        table(
            ("A", "u1", "2026-11-02", "30"),
            ("A", "u1", "2026-11-02", "40"),
            ("B", "u2", "2026-11-02", "50"),
        ),
        BY_VISITOR,
        cap=60,
    )
    assert (read.sums["A"].totals, read.sums["B"].totals) == ([60], [50])


def test_request_has_looks_for_the_sequential_method_only():
    rows = [("A", "u1", "2026-11-01", "1.5"), ("B", "u2", "2026-11-02", "2.5")]
    read = read_arm_table(table(*rows), BY_VISITOR)
    assert len(requests_of(read, {})["value"]["looks"]) == 1
    assert "looks" not in requests_of(read, {"method": "fixed"})["value"]


def test_twenty_one_arms_are_too_many():
    rows = [(f"arm {at}", f"u{at}", "2026-11-01", "1") for at in range(21)]
    with pytest.raises(ArmTableError, match="more than 20 arms"):
        read_arm_table(table(*rows), BY_VISITOR)
