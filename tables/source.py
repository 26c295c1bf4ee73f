"""The common shape of tables read from files: rows of cells, and an account of the reading."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

Cell = str | int | float | bool | date | datetime | time | None

TableProblem = Literal[
    "unreadable",
    "empty",
    "damaged",
    "not_text",
    "long_line",
    "too_many_characters",
    "too_many_rows",
    "too_large",
    "not_a_table",
    "no_values",
]


class TableError(ValueError):
    """A file that cannot be read as a table.

    Args:
        problem: Reason, as a code that pages translate.
        detail: The reason in one English sentence without the name of the file.
    """

    def __init__(self, problem: TableProblem, detail: str) -> None:
        self.problem: TableProblem = problem
        super().__init__(detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that is read of a file, packed or not.

    Args:
        line: Characters of a line, and of a cell.
        characters: Characters of all lines; bytes of an unpacked workbook.
        rows: Rows below the header.
    """

    line: int = 1_000_000
    characters: int = 1_000_000_000
    rows: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table.

    Args:
        line: First physical line of the row in its file, from 1.
        cells: Its cells; strings as they stand, typed values from workbooks.
        problem: The reason why the row has no cells, in English; otherwise empty.
    """

    line: int
    cells: tuple[Cell, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Account of how a file was understood.

    Args:
        kind: `text` or `workbook`.
        encoding: Name of the codec of a text; empty for a workbook.
        is_encoding_certain: False if the encoding was the likeliest of several.
        delimiter: Delimiter of a text; empty for a workbook.
        sheet: Name of the sheet of a workbook, the first with content; empty for a text.
        sheets: Names of all sheets with content.
        lines_before: Lines before the header: comments, titles, `sep=;`.
        left_out: Parts of a workbook beside its values: `macros`, `links` to other files.
    """

    kind: Literal["text", "workbook"]
    encoding: str = ""
    is_encoding_certain: bool = True
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    lines_before: int = 0
    left_out: tuple[Literal["macros", "links"], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table in a file.

    Args:
        columns: Names of the columns, without surrounding spaces, as in the file.
        reading: Account of how the file was understood.
        rows: Function that reads the rows below the header anew, from the file.
    """

    columns: tuple[str, ...]
    reading: Reading
    rows: Callable[[], Iterator[Row]]


def as_text(cell: Cell) -> str:
    """Return a cell as a person would have typed it.

    Args:
        cell: Cell of a table.

    >>> as_text(1200.0), as_text(None), as_text(True), as_text(" Go ")
    ('1200', '', 'true', 'Go')
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell).strip()
