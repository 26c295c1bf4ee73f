"""Reading of history files: past tests from spreadsheets, databases and the Upworthy archive.

`ctaopt` is the product's own format. `upworthy` has the column names of the Upworthy Research
Archive (Matias, Munger, Le Quere, Ebersole 2021, Scientific Data 8:195).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ml.history.layouts import (
    ChosenColumns,
    HistoryFormat,
    Layout,
    chosen_layout,
    column_key,
    layout_of,
)
from ml.history.parsing import Record, RecordParser
from ml.history.row import HistoryRow, Problem, RowError
from tables.dates import Order
from tables.reading import open_table
from tables.source import Limits, Reading, Row, TableError, as_text

LIMITS = Limits()

R = TypeVar("R", bound="Remark")


class HistoryFileError(ValueError):
    """The file as a whole cannot be read; the message names the file and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A remark on a row.

    Args:
        line: First physical line of the row in the file.
        problem: Reason, as a code of `Problem`.
        field: Invalid column; empty if the row as such is invalid.
        value: The value as read, shortened.
        message: The reason in one English sentence, for logs.
    """

    line: int
    problem: Problem
    field: str
    value: str
    message: str


class SkippedRow(Remark):
    """A rejected row."""


class IgnoredValue(Remark):
    """An optional value that cannot be used; its row is taken without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """Account of how a file was read, to be shown before its numbers are used.

    Args:
        reading: Encoding, delimiter or sheet.
        columns: Name of the column of each field that was used.
        unused: Names of the other columns.
        thousands: Separator of thousands that the counts show; None if they show none.
        date_order: Order of day and month that the dates show; None if they show none.
    """

    reading: Reading
    columns: dict[str, str]
    unused: tuple[str, ...]
    thousands: str | None
    date_order: Order | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A history file in memory.

    Args:
        rows: Accepted rows, in file order.
        skipped: Skipped rows, in file order.
        ignored: Optional values of accepted rows that were left out, in file order.
    """

    rows: tuple[HistoryRow, ...]
    skipped: tuple[SkippedRow, ...]
    ignored: tuple[IgnoredValue, ...]


class HistoryFile:
    """A history file whose header has been read.

    Args:
        path: CSV (comma, semicolon, tab, bar; UTF-8, UTF-16 or the encoding of a spreadsheet;
            plain or gzipped) or XLSX. Numbers may have separators of thousands, dates any
            order that the column shows.
        history_format: `ctaopt` or `upworthy`.
        encoding: Name of the codec where it is known.
        chosen: Columns that a person has chosen; by default they are known by their names.
        limits: The most that is read; by default `LIMITS`.

    Raises:
        HistoryFileError: If the file is missing, empty, damaged, not text, lacks a column, has
            one twice, or is longer than the limits, to which it is read and no further.
    """

    def __init__(
        self,
        path: Path,
        history_format: HistoryFormat,
        *,
        encoding: str | None = None,
        chosen: ChosenColumns | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._path = path
        self._format: HistoryFormat = history_format
        self._chosen = chosen
        try:
            self._table = open_table(
                path, is_header=self._is_header, limits=limits or LIMITS, encoding=encoding
            )
        except (TableError, LookupError) as error:
            raise HistoryFileError(f"{path}: {error}") from error
        self._layout = self._checked_layout()
        self._parser = self._learned()

    @property
    def understood(self) -> Understood:
        """Reading of the file: how it was decoded and split."""
        used = set(self._layout.places.values())
        return Understood(
            reading=self._table.reading,
            columns=dict(self._layout.names),
            unused=tuple(
                name for at, name in enumerate(self._table.columns) if at not in used and name
            ),
            thousands=self._parser.counts.group,
            date_order=self._parser.days.order,
        )

    def items(self) -> Iterator[HistoryRow | SkippedRow | IgnoredValue]:
        """Yield the rows, accepted or skipped, and before a row each of its values left out.

        Raises:
            HistoryFileError: If the file has changed or vanished.
        """
        for row in self._rows():
            if isinstance(row, SkippedRow):
                yield row
                continue
            ignored: list[RowError] = []
            try:
                parsed = self._parser.parse(self._record(row), ignored.append)
            except RowError as error:
                yield _remark(SkippedRow, row.line, error, self._layout)
                continue
            yield from (_remark(IgnoredValue, row.line, one, self._layout) for one in ignored)
            yield parsed

    def _is_header(self, columns: tuple[str, ...]) -> bool:
        if self._chosen is not None:
            return columns == self._chosen.header
        return not layout_of(columns, self._format).missing

    def _checked_layout(self) -> Layout:
        layout = (
            layout_of(self._table.columns, self._format)
            if self._chosen is None
            else chosen_layout(self._chosen, self._format)
        )
        if layout.missing:
            raise HistoryFileError(
                f"{self._path}: not a {self._format} history, "
                f"missing column: {', '.join(layout.missing)}"
            )
        if layout.twice:
            raise HistoryFileError(f"{self._path}: column twice: {', '.join(layout.twice)}")
        return layout

    def _learned(self) -> RecordParser:
        """Read the file once, for the evidence of its columns alone."""
        parser = RecordParser(self._format)
        for row in self._rows():
            if not isinstance(row, SkippedRow):
                parser.learn(self._record(row))
        return parser

    def _rows(self) -> Iterator[Row | SkippedRow]:
        names = tuple(map(column_key, self._table.columns))
        try:
            for row in self._table.rows():
                try:
                    yield _whole(row, names)
                except RowError as error:
                    yield _remark(SkippedRow, row.line, error, self._layout)
        except TableError as error:
            raise HistoryFileError(f"{self._path}: {error}") from error

    def _record(self, row: Row) -> Record:
        return {
            field: cell.strip() if isinstance(cell := row.cells[at], str) else cell
            for field, at in self._layout.places.items()
        }


def read_history(path: Path, history_format: HistoryFormat) -> History:
    r"""Return the accepted and the skipped rows of a history file.

    Args:
        path: File, as of `HistoryFile`.
        history_format: `ctaopt` or `upworthy`.

    Returns:
        The accepted and the skipped rows.

    Raises:
        HistoryFileError: As `HistoryFile`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "past.csv"
    ...     _ = file.write_text("test,context,text,visitors,clicks\nt,,Go,9,1\nt,,Try,9,10\n")
    ...     history = read_history(file, "ctaopt")
    >>> [row.text for row in history.rows], [skip.line for skip in history.skipped]
    (['Go'], [3])
    """
    rows: list[HistoryRow] = []
    skipped: list[SkippedRow] = []
    ignored: list[IgnoredValue] = []
    for item in iter_history(path, history_format):
        if isinstance(item, HistoryRow):
            rows.append(item)
        elif isinstance(item, SkippedRow):
            skipped.append(item)
        else:
            ignored.append(item)
    return History(rows=tuple(rows), skipped=tuple(skipped), ignored=tuple(ignored))


def iter_history(
    path: Path, history_format: HistoryFormat
) -> Iterator[HistoryRow | SkippedRow | IgnoredValue]:
    """Yield the rows of a history file, accepted or skipped.

    Args:
        path: File, as of `HistoryFile`.
        history_format: `ctaopt` or `upworthy`.

    Yields:
        A `HistoryRow`, a `SkippedRow` with line and reason, or an `IgnoredValue`, which is one
        whose row follows.

    Raises:
        HistoryFileError: As `HistoryFile`.

    >>> next(iter_history(Path("/nowhere.csv"), "ctaopt"))
    Traceback (most recent call last):
    ...
    ml.history.reading.HistoryFileError: /nowhere.csv: No such file or directory
    """
    yield from HistoryFile(path, history_format).items()


def _whole(row: Row, names: tuple[str, ...]) -> Row:
    """Return a row with as many cells as the header; raise RowError if it has others."""
    if row.problem:
        raise RowError("broken_csv", "", row.problem)
    cells = row.cells
    while len(cells) > len(names) and as_text(cells[-1]) == "":
        cells = cells[:-1]
    if len(cells) != len(names):
        raise RowError("field_count", "", f"{len(cells)} instead of {len(names)}")
    if tuple(column_key(as_text(cell)) for cell in cells) == names:
        raise RowError("repeated_header")
    return Row(line=row.line, cells=cells)


def _remark(kind: type[R], line: int, error: RowError, layout: Layout) -> R:
    column = layout.names.get(error.field, error.field)
    named = RowError(error.problem, column, error.value)
    return kind(
        line=line,
        problem=error.problem,
        field=column,
        value=error.value,
        message=f"line {line}: {named}",
    )
