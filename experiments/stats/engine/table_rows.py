"""Rows of an analysts' table: an arm, its visitors and their values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from experiments.stats.engine.table_columns import ColumnChoice
from tables.dates import DateColumn, DateError
from tables.flags import FLAGS
from tables.labels import is_rounded, is_total, tidy_name
from tables.numbers import Decimal, NumberColumn, NumberError
from tables.source import Cell, Row, Table, as_text

# Lines named in one error.
MOST_FAULTS = 20

Problem = Literal[
    "no_such_column",
    "column_twice",
    "no_metric",
    "no_arms",
    "total_row",
    "many_arms",
    "no_such_control",
    "bad_rows",
    "broken_row",
    "no_arm",
    "no_visitor",
    "rounded_id",
    "bad_number",
    "ambiguous_number",
    "not_a_count",
    "above_visitors",
    "negative",
    "bad_day",
    "ambiguous_day",
]
_WORDS: Mapping[Problem, str] = {
    "no_such_column": "there is no column {text!r}",
    "column_twice": "the column {text!r} is there twice, or chosen twice",
    "no_metric": "no column is chosen to be compared",
    "no_arms": "there are fewer than two arms: {text}",
    "total_row": "{text!r} is no arm but a row of totals: take it out",
    "many_arms": "there are more than {text} arms: is this the column of the arms?",
    "no_such_control": "no arm is called {text!r}",
    "bad_rows": "{text} rows cannot be read",
    "broken_row": "has other cells than the header: {text}",
    "no_arm": "has no arm",
    "no_visitor": "has no visitor",
    "rounded_id": "{column}: {text!r} was rounded by a spreadsheet, so that several ids look like"
    " one: export them as text",
    "bad_number": "{column}: {text!r} is not a number",
    "ambiguous_number": "{column}: {text!r} may be thousands or decimals",
    "not_a_count": "{column}: {text!r} is not a whole number; of values, a table needs one row a"
    " visitor",
    "above_visitors": "{column}: {text} is more than the row's visitors",
    "negative": "{column}: {text!r} is negative",
    "bad_day": "{column}: {text!r} is not a date",
    "ambiguous_day": "{column}: {text!r} may be two dates: write YYYY-MM-DD",
}


class ArmTableError(ValueError):
    """A table that cannot be analysed.

    Args:
        problem: Reason, as a code that pages translate.
        text: Value at fault.
        column: Column at fault.
        line: Line of the row at fault; 0 for the table as a whole.
        faults: Those of the rows, at most 20, where rows cannot be read.

    >>> str(ArmTableError("no_arm", line=3))
    'line 3: has no arm'
    """

    def __init__(
        self,
        problem: Problem,
        text: str = "",
        *,
        column: str = "",
        line: int = 0,
        faults: Sequence["ArmTableError"] = (),
    ) -> None:
        self.problem: Problem = problem
        self.text, self.column, self.line = text[:60], column, line
        self.faults = tuple(faults)
        sentence = _WORDS[problem].format(text=self.text, column=column)
        place = f"line {line}: " if line else ""
        super().__init__("; ".join([f"{place}{sentence}", *map(str, faults)]))


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that was read, or those of one visitor.

    Args:
        arm: Name of its arm.
        n: Its visitors.
        values: One for each metric.
        visitor: Id of the visitor; empty where no column has it.
        day: Its day, or the visitor's first; None where no column has it.
    """

    arm: str
    n: float
    values: tuple[float, ...]
    visitor: str
    day: date | None


class RowReader:
    """Reading of the rows of one table, whose columns give how numbers and dates are written.

    Args:
        table: Table as opened, read once for the evidence of its columns.
        columns: Its columns that are used.
        decimal: Decimal character, where it is known.

    Raises:
        ArmTableError: If a column is missing or there twice.
        TableError: If the file cannot be read to its end.
    """

    def __init__(self, table: Table, columns: ColumnChoice, *, decimal: Decimal | None) -> None:
        self._table = table
        self._columns = columns
        self._places = _places(table, columns)
        self._counts = NumberColumn(whole=True, decimal=decimal)
        self._values = [
            self._counts if columns.visitors else NumberColumn(decimal=decimal)
            for _ in columns.metrics
        ]
        self.days = DateColumn()
        self.is_flag = [columns.visitors is None for _ in columns.metrics]
        self.n_empty = 0
        self._learn()

    @property
    def decimal(self) -> str | None:
        """The decimal character that the columns agree on; None if they show none."""
        found = {column.decimal for column in self._values} - {None}
        return found.pop() if len(found) == 1 else None

    def entries(self) -> Iterator[Entry]:
        """Yield the rows; raise with their lines if any cannot be read."""
        faults = []
        n_faults = 0
        for row in self._table.rows():
            try:
                entry = self._entry(row)
            except ArmTableError as error:
                n_faults += 1
                faults.append(error)
                del faults[MOST_FAULTS:]
            else:
                yield entry
        if n_faults:
            raise ArmTableError("bad_rows", str(n_faults), faults=faults)

    def _learn(self) -> None:
        for row in self._table.rows():
            if row.problem:
                continue
            for at, (column, name) in enumerate(
                zip(self._values, self._columns.metrics, strict=True)
            ):
                text = as_text(self._cell(row, name))
                self.is_flag[at] = self.is_flag[at] and text.casefold() in FLAGS
                if isinstance(self._cell(row, name), str) and text:
                    column.learn([text])
            if self._columns.visitors and isinstance(
                cell := self._cell(row, self._columns.visitors), str
            ):
                self._counts.learn([cell])
            if self._columns.day and isinstance(cell := self._cell(row, self._columns.day), str):
                self.days.learn([cell])

    def _entry(self, row: Row) -> Entry:
        if row.problem:
            raise ArmTableError("broken_row", row.problem, line=row.line)
        if len(row.cells) != len(self._table.columns):
            sizes = f"{len(row.cells)}, not {len(self._table.columns)}"
            raise ArmTableError("broken_row", sizes, line=row.line)
        arm = tidy_name(as_text(self._cell(row, self._columns.arm)))
        if not arm:
            raise ArmTableError("no_arm", line=row.line)
        if is_total(arm):
            raise ArmTableError("total_row", arm, line=row.line)
        n = 1.0
        if self._columns.visitors:
            n = self._number(row, self._columns.visitors, self._counts)
        values = tuple(
            self._value(row, name, column, is_flag=flag)
            for name, column, flag in zip(
                self._columns.metrics, self._values, self.is_flag, strict=True
            )
        )
        if self._columns.visitors:
            self._check_counts(row, n, values)
        visitor = self._visitor(row, self._columns.visitor) if self._columns.visitor else ""
        return Entry(arm, n, values, visitor, self._day(row) if self._columns.day else None)

    def _visitor(self, row: Row, name: str) -> str:
        cell = self._cell(row, name)
        visitor = as_text(cell)
        if not visitor:
            raise ArmTableError("no_visitor", line=row.line)
        if is_rounded(cell):
            raise ArmTableError("rounded_id", visitor, column=name, line=row.line)
        return visitor

    def _value(self, row: Row, name: str, column: NumberColumn, *, is_flag: bool) -> float:
        text = as_text(self._cell(row, name))
        if not text:
            self.n_empty += 1
            return 0.0
        return float(FLAGS[text.casefold()]) if is_flag else self._number(row, name, column)

    def _number(self, row: Row, name: str, column: NumberColumn) -> float:
        cell = self._cell(row, name)
        text = as_text(cell)
        is_count = self._columns.visitors is not None
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            if is_count and not float(cell).is_integer():
                raise ArmTableError("not_a_count", text, column=name, line=row.line)
            return float(cell)
        try:
            return column.read(text)
        except NumberError as error:
            problem: Problem = "bad_number"
            if error.problem == "ambiguous":
                problem = "ambiguous_number"
            elif error.problem == "not_whole":
                problem = "not_a_count"
            raise ArmTableError(problem, text, column=name, line=row.line) from None

    def _check_counts(self, row: Row, n: float, values: Sequence[float]) -> None:
        names = (self._columns.visitors or "", *self._columns.metrics)
        for name, value in zip(names, (n, *values), strict=True):
            if value < 0:
                raise ArmTableError("negative", f"{value:g}", column=name, line=row.line)
            if value > n:
                raise ArmTableError("above_visitors", f"{value:g}", column=name, line=row.line)

    def _day(self, row: Row) -> date:
        name = self._columns.day or ""
        cell = self._cell(row, name)
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        text = as_text(cell)
        try:
            return self.days.read(text)
        except DateError as error:
            problem: Problem = "ambiguous_day" if error.problem == "ambiguous_date" else "bad_day"
            raise ArmTableError(problem, text, column=name, line=row.line) from None

    def _cell(self, row: Row, name: str) -> Cell:
        at = self._places[name]
        return row.cells[at] if at < len(row.cells) else None


def _places(table: Table, columns: ColumnChoice) -> dict[str, int]:
    if not columns.metrics:
        raise ArmTableError("no_metric")
    chosen = [columns.arm, *columns.metrics]
    chosen += [name for name in (columns.visitors, columns.visitor, columns.day) if name]
    for name in chosen:
        if name not in table.columns:
            raise ArmTableError("no_such_column", name)
        if table.columns.count(name) > 1 or chosen.count(name) > 1:
            raise ArmTableError("column_twice", name)
    return {name: table.columns.index(name) for name in chosen}
