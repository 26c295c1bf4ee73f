"""Tables written for spreadsheets: their columns and values, and CSV in which no text is a formula.

A text that begins with `=`, `+`, `-`, `@`, a tab or a line break is a formula to a spreadsheet that
opens a CSV (OWASP, "CSV injection"): an apostrophe before it makes it a text. (XLSX:
`workbook_writing`.)
"""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal as Number
from typing import Literal

from tables.numbers import Decimal

Kind = Literal["text", "count", "number", "fraction", "day", "moment"]
Value = str | int | float | bool | Number | date | datetime | None

# Languages not named here write a point.
_DECIMALS: Mapping[str, Decimal] = {"fr": ","}
# With the fullwidth forms, which spreadsheets read alike.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# XML 1.0 has no place for them, escaped or not.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


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


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet takes a text for a formula."""
    return _FORMULA.match(text) is not None


def plain_text(text: str) -> str:
    """Return a text without the control characters that no workbook can hold."""
    return _CONTROL.sub(" ", text)


def not_a_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> not_a_formula("@home"), not_a_formula("Go"), not_a_formula(" =A1")
    ("'@home", 'Go', "' =A1")
    """
    return f"'{text}" if is_formula(text) else text


def _csv_cell(value: Value, decimal: Decimal) -> str:
    if isinstance(value, str):
        return not_a_formula(plain_text(value))
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).replace(".", decimal)
