import re
import zipfile
from contextlib import suppress
from datetime import date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from tables.source import Limits, TableError
from tables.workbook import MOST_COLUMNS, is_workbook, open_workbook


@pytest.fixture
def written(tmp_path):
    def _written(*sheets):
        book = Workbook()
        book.remove(book.active)
        for title, rows in sheets:
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "book.xlsx"
        book.save(path)
        return path

    return _written


def opened(path, *, is_header=bool, limits=None):
    return open_workbook(path, is_header=is_header, limits=limits or Limits())


def test_cells_keep_their_types(written):
    day = datetime(2026, 11, 28)  # noqa: DTZ001  # a sheet has no time zones
    path = written(("Data", [["name", "n", "day", "yes"], ["A", 1200, day, True], ["B", 0.5]]))
    table = opened(path)
    assert table.columns == ("name", "n", "day", "yes")
    assert [row.cells for row in table.rows()] == [("A", 1200, day, True), ("B", 0.5, None, None)]
    assert [row.line for row in table.rows()] == [2, 3]


def test_sheet_with_the_wanted_header_is_read_wherever_it_stands(written):
    path = written(
        ("Notes", [["written on", date(2026, 11, 28)]]),
        ("Data", [["My test"], [], ["name", "n"], ["A", 1]]),
        ("Empty", []),
    )
    table = opened(path, is_header=lambda names: "n" in names)
    assert (table.reading.sheet, table.reading.sheets) == ("Data", ("Notes", "Data"))
    assert (table.columns, [row.cells for row in table.rows()]) == (("name", "n"), [("A", 1)])


def rewritten(path, parts):
    """Return a copy of a workbook in whose parts texts are replaced."""
    copy = path.with_name("copy.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name in parts:
                before, after = parts[name]
                assert before in content
                content = content.replace(before, after)
            new.writestr(name, content)
    return copy


BY_PROGRAM = (b'fullCalcOnLoad="1"', b"")


def with_formula(written, cell):
    """Return a workbook whose formula has a value of a kind, as spreadsheets store it."""
    path = written(("Other", [["a"], ["=2"]]), ("Data", [["name", "n"], ["x", "=1+1"]]))
    with zipfile.ZipFile(path) as archive:
        (old,) = re.findall(rb'<c r="B2".*?</c>', archive.read("xl/worksheets/sheet2.xml"))
    return rewritten(path, {"xl/worksheets/sheet2.xml": (old, cell), "xl/workbook.xml": BY_PROGRAM})


@pytest.mark.parametrize(
    "cell",
    [b'<c r="B2"><f>1+1</f><v></v></c>', b'<c r="B2"><f>1+1</f><v/></c>', b'<c r="B2"><f/></c>'],
)
def test_formula_that_was_never_computed_is_refused(written, cell):
    """As an empty cell it would count as 0."""
    with pytest.raises(TableError, match="never computed") as refused:
        opened(with_formula(written, cell), is_header=lambda names: "n" in names)
    assert refused.value.problem == "no_values"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (b'<c r="B2"><f>1+1</f><v>2</v></c>', 2),
        (b'<c r="B2" t="str"><f>""</f><v></v></c>', None),
        (b'<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
    ],
)
def test_value_that_a_spreadsheet_has_stored_is_read(written, cell, value):
    table = opened(with_formula(written, cell), is_header=lambda names: "n" in names)
    assert [row.cells for row in table.rows()] == [("x", value)]


def test_value_beside_a_formula_that_is_yet_to_be_computed_is_none(written):
    """Programs that write workbooks store 0 there, and ask the spreadsheet to compute."""
    path = written(("Data", [["name", "n"], ["x", "=1+1"]]))
    with zipfile.ZipFile(path) as archive:
        (old,) = re.findall(rb'<c r="B2".*?</c>', archive.read("xl/worksheets/sheet1.xml"))
    zero = b'<c r="B2"><f>1+1</f><v>0</v></c>'
    stored = rewritten(path, {"xl/worksheets/sheet1.xml": (old, zero)})
    with pytest.raises(TableError, match="never computed"):
        opened(stored)


def test_hidden_sheet_is_read_only_if_there_is_no_other(tmp_path):
    book = Workbook()
    book.active.append(["n", "last year"])
    book.active.sheet_state = "hidden"
    path = tmp_path / "book.xlsx"
    book.create_sheet("Data").append(["n"])
    book.active = 1
    book.save(path)
    assert opened(path, is_header=lambda names: "n" in names).reading.sheet == "Data"
    assert opened(path, is_header=lambda names: "last year" in names).reading.sheet == "Sheet"


def test_old_and_other_archives_are_refused(tmp_path):
    old, other, cut = (tmp_path / name for name in ("old.xls", "other.zip", "cut.xlsx"))
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("content.xml", "<x/>")
    cut.write_bytes(other.read_bytes()[:-10])
    for path, reason in (
        (old, "save it as XLSX"),
        (other, "no XLSX workbook"),
        (cut, "damaged workbook"),
    ):
        assert is_workbook(path)
        with pytest.raises(TableError, match=reason):
            opened(path)


def test_archive_with_the_right_names_and_nonsense_in_them_is_refused(tmp_path):
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<not closed")
    with pytest.raises(TableError) as refused:
        opened(path)
    assert refused.value.problem == "damaged"


PARTS = ["[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("damage", [lambda xml: xml[:-40], lambda xml: xml.replace(b"=", b"<", 1)])
def test_workbook_with_a_damaged_part_is_refused(written, tmp_path, part, damage):
    damaged = tmp_path / "damaged.xlsx"
    whole = zipfile.ZipFile(written(("Data", [["a"], ["b"]])))
    with zipfile.ZipFile(damaged, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            archive.writestr(name, damage(content) if name == part else content)
    with pytest.raises(TableError) as refused:
        list(opened(damaged).rows())
    assert refused.value.problem == "damaged"


@given(places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_workbook_with_wrong_bytes_is_read_or_refused(tmp_path, places):
    path = tmp_path / "book.xlsx"
    if not path.exists():
        book = Workbook()
        for number in range(30):
            book.active.append([f"wording {number}", number, number / 3])
        book.save(path)
    content = bytearray(path.read_bytes())
    for place, byte in places:
        content[int(place * (len(content) - 1))] = byte
    damaged = tmp_path / "damaged.xlsx"
    damaged.write_bytes(content)
    # Nothing but TableError, whatever is damaged.
    with suppress(TableError):
        assert len(list(opened(damaged).rows())) <= 30


def test_bomb_is_refused_before_it_is_unpacked(written):
    path = written(("Data", [["a"], ["b"]]))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("x", "w") as big:
        for _ in range(501):
            big.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(TableError) as refused:
        opened(path)
    assert refused.value.problem == "too_large"


def test_cell_at_the_far_corner_is_refused(written):
    path = written(("Data", [["a"], ["b"], [None] * MOST_COLUMNS + ["far"]]))
    with pytest.raises(TableError, match="a row of more than 1,000 cells"):
        list(opened(path).rows())


def test_workbook_is_read_to_its_limit(written):
    path = written(("Data", [["a"], ["b"], ["c"], ["d"]]))
    with pytest.raises(TableError) as refused:
        list(opened(path, limits=Limits(rows=2)).rows())
    assert refused.value.problem == "too_many_rows"


def test_workbook_without_content_is_refused(written):
    with pytest.raises(TableError) as refused:
        opened(written(("Data", [])))
    assert refused.value.problem == "empty"


def test_macros_and_links_are_named_and_not_read(tmp_path):
    path = tmp_path / "with.xlsm"
    book = Workbook()
    book.active.append(("test", "text"))
    book.active.append(("t", "Go"))
    book.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\0")
        archive.writestr("xl/externalLinks/externalLink1.xml", b"<x/>")
    assert opened(path).reading.left_out == ("macros", "links")
