import io

import pytest
from openpyxl import load_workbook

from tables.reading import open_table
from tables.workbook_writing import write_workbook
from tests.tables.test_writing import FORMULAS, MORNING, ROW, table


def sheet(content):
    return load_workbook(io.BytesIO(content)).worksheets[0]


@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_text_is_itself_and_no_formula_in_a_workbook(text):
    cell = sheet(write_workbook([table((text, 1, None, None, None))]))["A2"]
    assert (cell.value, cell.data_type) == (text, "s")
    assert cell.quotePrefix


def test_workbook_has_numbers_and_dates_as_such():
    found = sheet(write_workbook([table(ROW)]))[2]
    assert [cell.value for cell in found[:3]] == ["Découvrir", 12_800, -0.0512]
    assert [cell.value for cell in found[3:]] == [MORNING.replace(hour=0, minute=0), MORNING]
    assert found[2].number_format == "0.00%"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")], ids=str)
def test_missing_number_is_an_empty_cell(value):
    row = ("Go", 1, value, None, None)
    assert sheet(write_workbook([table(row)]))["C2"].value is None


@pytest.mark.parametrize("character", [chr(code) for code in range(32)], ids=repr)
def test_control_characters_are_left_out(character):
    row = (f"a{character}b", 1, None, None, None)
    kept = {"\t": "a\tb", "\n": "a\nb", "\r": "a\rb"}
    assert sheet(write_workbook([table(row)]))["A2"].value == kept.get(character, "a b")


def test_our_reader_reads_what_was_written(tmp_path):
    path = tmp_path / "t.xlsx"
    path.write_bytes(write_workbook([table(ROW)]))
    read = open_table(path)
    assert read.columns == ("Wording", "Visitors", "Rate", "Day", "At")
    assert next(read.rows()).cells[0] == "Découvrir"
