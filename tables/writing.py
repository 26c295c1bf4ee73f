"""Tables written for spreadsheets: CSV and workbooks (XLSX), in which no text is a formula.

A text that begins with `=`, `+`, `-`, `@`, a tab or a line break is a formula to a spreadsheet that
opens a CSV (OWASP, "CSV injection"): an apostrophe before it makes it a text. A workbook states the
kind of each cell, so that its texts stay as they are.
"""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal as Number
from typing import Any, Literal

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from tables.numbers import Decimal

Kind = Literal["text", "count", "number", "fraction", "day", "moment"]
Value = str | int | float | bool | Number | date | datetime | None

# Languages not named here write a point.
_DECIMALS: Mapping[str, Decimal] = {"fr": ","}
# With the fullwidth forms, which spreadsheets read alike.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_FORMATS: dict[Kind, str] = {
    "text": "@",
    "count": "#,##0",
    "number": "General",
    "fraction": "0.00%",
    "day": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm",
}
# The most that a cell, and the name of a sheet, may hold.
_MOST_TEXT, _MOST_TITLE = 32_767, 31
_NO_TITLE = re.compile(r"[\[\]:*?/\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table that is written.

    Args:
        key: Its name for programs, which no language changes.
        title: Its heading for people.
        kind: Kind of its values; a fraction is shown in per cent by workbooks.
    """

    key: str
    title: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTable:
    """A table to write.

    Args:
        key: Its name for programs.
        title: Its name for people, that of the sheet.
        columns: Its columns.
        rows: Values by column; None leaves a cell empty. Moments are without a time zone.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Value]]


def decimal_mark(language: str) -> Decimal:
    """Return the decimal character that a spreadsheet in a language expects.

    Args:
        language: A tag such as "fr-CA"; empty for none.

    >>> decimal_mark("fr-CA"), decimal_mark("en")
    (',', '.')
    """
    return _DECIMALS.get(language.split("-")[0].lower(), ".")


def write_csv(table: WrittenTable, *, decimal: Decimal = ".") -> bytes:
    r"""Return a table as CSV: UTF-8 with a byte order mark, lines by CR LF.

    Args:
        table: The table.
        decimal: The decimal character. With a comma the delimiter is a semicolon, as
            spreadsheets in those languages expect it.

    >>> columns = (Column(key="arm", title="Arm"), Column(key="p", title="p", kind="number"))
    >>> table = WrittenTable(key="t", title="T", columns=columns, rows=[("=1+1", 0.5)])
    >>> write_csv(table, decimal=",").decode("utf-8-sig")
    "Arm;p\r\n'=1+1;0,5\r\n"
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if decimal == "," else ",")
    writer.writerow(not_a_formula(column.title) for column in table.columns)
    for row in table.rows:
        writer.writerow(_csv_cell(value, decimal) for value in row)
    return text.getvalue().encode("utf-8-sig")


def write_workbook(tables: Sequence[WrittenTable]) -> bytes:
    """Return tables as the sheets of a workbook (XLSX), with numbers as numbers.

    Args:
        tables: At least one.
    """
    book = Workbook(write_only=True)
    for table in tables:
        sheet = book.create_sheet(_NO_TITLE.sub(" ", table.title)[:_MOST_TITLE])
        sheet.freeze_panes = "A2"
        for at, column in enumerate(table.columns, start=1):
            sheet.column_dimensions[get_column_letter(at)].width = _width(table, at - 1, column)
        sheet.append(_text_cell(sheet, column.title, is_bold=True) for column in table.columns)
        for row in table.rows:
            pairs = zip(table.columns, row, strict=True)
            sheet.append(_cell(sheet, column.kind, value) for column, value in pairs)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def not_a_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> not_a_formula("@home"), not_a_formula("Go"), not_a_formula(" =A1")
    ("'@home", 'Go', "' =A1")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def _csv_cell(value: Value, decimal: Decimal) -> str:
    if isinstance(value, str):
        return not_a_formula(ILLEGAL_CHARACTERS_RE.sub(" ", value))
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).replace(".", decimal)


def _cell(sheet: Any, kind: Kind, value: Value) -> Any:
    if isinstance(value, str):
        return _text_cell(sheet, value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = _FORMATS[kind] if kind != "text" else "General"
    return cell


def _text_cell(sheet: Any, text: str, *, is_bold: bool = False) -> Any:
    cell = WriteOnlyCell(sheet)
    cell.value = ILLEGAL_CHARACTERS_RE.sub(" ", text)[:_MOST_TEXT]
    # Whatever it begins with; and it stays so when a person edits it.
    cell.data_type = "s"
    # A style costs more than the text.
    if _FORMULA.match(text):
        cell.quotePrefix = True
    if is_bold:
        cell.font = Font(bold=True)
    return cell


def _width(table: WrittenTable, at: int, column: Column) -> int:
    """Return the width of a column in characters; a wording may take many lines."""
    lengths = [len(str(row[at])) for row in table.rows[:100] if isinstance(row[at], str)]
    return min(max([len(column.title), 10, *lengths]) + 2, 60)
