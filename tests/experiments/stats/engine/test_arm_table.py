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


COUNTS = ColumnChoice(arm="arm", visitors="n", metrics=("clicks",))


@pytest.mark.parametrize("name", ["Total général", "Tous", "A total"])
def test_row_of_totals_is_refused(name):
    rows = [("A", "1000", "50"), ("B", "1000", "60"), (name, "2000", "110")]
    with pytest.raises(ArmTableError, match="is no arm but a row of totals"):
        read_arm_table(table(*rows, columns=("arm", "n", "clicks")), COUNTS)


def test_arms_that_look_alike_are_one():
    rows = [("Te\u0301moin", "1000", "50"), ("B", "900", "60"), ("Témoin", "500", "20")]
    read = read_arm_table(table(*rows, columns=("arm", "n", "clicks")), COUNTS)
    assert {arm: one.n for arm, one in read.sums.items()} == {"Témoin": 1500, "B": 900}


@pytest.mark.parametrize("visitor", ["1,23457E+18", 1234567890123456000])
def test_visitors_whose_ids_were_rounded_are_refused(visitor):
    """Several would be one."""
    rows = [("A", visitor, "2026-11-01", "3"), ("B", "7", "2026-11-01", "3")]
    with pytest.raises(ArmTableError, match=r"line 2: visitor: .* was rounded by a spreadsheet"):
        read_arm_table(table(*rows), BY_VISITOR)
