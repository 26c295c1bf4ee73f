"""Workbooks (XLSX) written for spreadsheets: each cell states its kind, so that texts stay texts.

Imported where a workbook is written: its library costs a process 10 MB and a quarter of a second.
"""

import io
import math
import re
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from tables.writing import Column, Kind, Value, WrittenTable, is_formula, plain_text

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
    cell.value = plain_text(text)[:_MOST_TEXT]
    # Whatever it begins with; and it stays so when a person edits it.
    cell.data_type = "s"
    # A style costs more than the text.
    if is_formula(text):
        cell.quotePrefix = True
    if is_bold:
        cell.font = Font(bold=True)
    return cell


def _width(table: WrittenTable, at: int, column: Column) -> int:
    """Return the width of a column in characters; a wording may take many lines."""
    lengths = [len(str(row[at])) for row in table.rows[:100] if isinstance(row[at], str)]
    return min(max([len(column.title), 10, *lengths]) + 2, 60)
