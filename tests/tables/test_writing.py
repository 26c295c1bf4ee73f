import csv
import io
from datetime import date, datetime

import pytest

from tables.reading import open_table
from tables.writing import Column, WrittenTable, not_a_formula, write_csv

COLUMNS = (
    Column(key="text", title="Wording"),
    Column(key="n", title="Visitors", kind="count"),
    Column(key="rate", title="Rate", kind="fraction"),
    Column(key="day", title="Day", kind="day"),
    Column(key="at", title="At", kind="moment"),
)
# Spreadsheets know no time zones.
MORNING = datetime(2026, 11, 28, 9, 5)  # noqa: DTZ001
ROW = ("Découvrir", 12_800, -0.0512, date(2026, 11, 28), MORNING)
FORMULAS = ["=1+1", "+1", "-1 %", "@sum", "\tgo", "\rgo", "\n=go", " =go", "\uff1dgo"]


def table(*rows):
    return WrittenTable(key="arms", title="Arms", columns=COLUMNS, rows=rows)


def cells(content, delimiter=","):
    text = content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize(
    ("decimal", "delimiter", "expected"),
    [(".", ",", "-0.0512"), (",", ";", "-0,0512")],
    ids=["point", "comma"],
)
def test_csv_is_as_spreadsheets_of_the_language_expect_it(decimal, delimiter, expected):
    content = write_csv(table(ROW), decimal=decimal)
    assert content.startswith(b"\xef\xbb\xbf")
    assert cells(content, delimiter)[1] == [
        "Découvrir",
        "12800",
        expected,
        "2026-11-28",
        "2026-11-28 09:05",
    ]


@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_text_is_no_formula_in_a_csv(text):
    assert not_a_formula(text) == f"'{text}"
    assert cells(write_csv(table((text, 1, None, None, None))))[1][0] == f"'{text}"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")], ids=str)
def test_missing_number_is_an_empty_cell(value):
    row = ("Go", 1, value, None, None)
    assert cells(write_csv(table(row)))[1][2] == ""


def test_control_characters_are_left_out():
    row = ("a\x00b\x1b", 1, None, None, None)
    assert cells(write_csv(table(row)))[1][0] == "a b "


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", write_csv(table(ROW))),
        ("t.csv", write_csv(table(ROW), decimal=",")),
    ],
    ids=["csv", "french csv"],
)
def test_our_reader_reads_what_was_written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    read = open_table(path)
    assert read.columns == ("Wording", "Visitors", "Rate", "Day", "At")
    assert next(read.rows()).cells[0] == "Découvrir"
