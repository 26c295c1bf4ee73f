"""Analysts' tables as analyze requests: one row a visitor, a day and arm, or a campaign."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from experiments.stats.engine.earlier_looks import MOST_COMPARISONS
from experiments.stats.engine.table_columns import ColumnChoice, control_of
from experiments.stats.engine.table_rows import ArmTableError, Entry, RowReader
from tables.labels import total_of
from tables.numbers import Decimal
from tables.source import Table

MOST_ARMS = 20

Kind = Literal["proportion", "mean"]


@dataclass(slots=True, kw_only=True)
class Sums:
    """Sums of one arm: its visitors, and each metric's sum and sum of squares."""

    n: float = 0
    totals: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)

    def add(self, n: float, values: Sequence[float]) -> None:
        """Add visitors and their values."""
        self.n += n
        self.totals = [a + b for a, b in zip(self.totals, values, strict=True)]
        self.squares = [a + b * b for a, b in zip(self.squares, values, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTable:
    """Sums of an analyst's table, and how it was read.

    Args:
        columns: Columns that were used.
        arms: Names of the arms, control first.
        kinds: Kind of each metric.
        days: Days in order; empty without a column of days.
        looks: Sums until the end of each day, by arm; a single one without days.
        n_rows: Rows read.
        n_empty: Empty cells of metrics, read as 0.
        n_crossed: Visitors left out because they are in several arms.
        decimal: Decimal character that the numbers show; None if they show none.
        date_order: Order of day and month that the dates show; None if they show none.
    """

    columns: ColumnChoice
    arms: tuple[str, ...]
    kinds: tuple[Kind, ...]
    days: tuple[date, ...]
    looks: tuple[Mapping[str, Sums], ...]
    n_rows: int
    n_empty: int
    n_crossed: int
    decimal: str | None
    date_order: str | None

    @property
    def sums(self) -> Mapping[str, Sums]:
        """Sums of all rows by arm."""
        return self.looks[-1]


def read_arm_table(
    table: Table,
    columns: ColumnChoice,
    *,
    control: str | None = None,
    cap: float | None = None,
    decimal: Decimal | None = None,
) -> ArmTable:
    """Return the sums of the arms of a table.

    A column of yes and no, or of 0 and 1, is a proportion: a visitor of several rows counts once.
    Other numbers are values, added up over the rows of a visitor, and compared by their means.

    Args:
        table: Table as opened.
        columns: Its columns that are used.
        control: Name of the control; by default `control`, `A` and the like, or the first arm.
        cap: Largest value of a visitor that is counted; None without a cap.
        decimal: Decimal character, where it is known.

    Raises:
        ArmTableError: If a column is missing, or a row cannot be read: a sum without some of its
            rows would be a wrong number.
        TableError: If the file cannot be read to its end.
    """
    reader = RowReader(table, columns, decimal=decimal)
    entries = list(reader.entries())
    arms = list(dict.fromkeys(entry.arm for entry in entries))
    first = _checked_control(arms, control)
    arms = [first, *(arm for arm in arms if arm != first)]
    is_rate = [columns.visitors is not None or flag for flag in reader.is_flag]
    kinds: tuple[Kind, ...] = tuple("proportion" if one else "mean" for one in is_rate)
    kept, n_crossed = _by_visitor(entries, kinds) if columns.visitor is not None else (entries, 0)
    if cap is not None and columns.visitors is None:
        kept = [_capped(entry, kinds, cap) for entry in kept]
    days = tuple(sorted({entry.day for entry in kept if entry.day is not None}))
    looks = tuple(_looks(kept, arms, days, n_metrics=len(kinds)))
    if columns.visitors is not None:
        _refuse_totals(looks[-1])
    return ArmTable(
        columns=columns,
        arms=tuple(arms),
        kinds=kinds,
        days=days,
        looks=looks,
        n_rows=len(entries),
        n_empty=reader.n_empty,
        n_crossed=n_crossed,
        decimal=reader.decimal,
        date_order=reader.days.order,
    )


def requests_of(table: ArmTable, options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the analyze request of each metric.

    Args:
        table: Sums of the table.
        options: Further fields of the requests, such as `method`. The ends of days are looks
            for method sequential; of more days than a request may have, evenly chosen ones.

    >>> from tables.source import Reading, Row
    >>> rows = [Row(line=2, cells=("A", 100, 5)), Row(line=3, cells=("B", 100, 9))]
    >>> columns = ("Arm", "Visitors", "Clicks")
    >>> opened = Table(columns=columns, reading=Reading(kind="text"), rows=lambda: iter(rows))
    >>> choice = ColumnChoice(arm="Arm", visitors="Visitors", metrics=("Clicks",))
    >>> requests_of(read_arm_table(opened, choice), {})["Clicks"]["arms"][1]
    {'name': 'B', 'n': 100.0, 'sum': 9.0}
    """
    is_sequential = options.get("method", "sequential") == "sequential"
    looks = _spread(table) if is_sequential and len(table.days) > 1 else ()
    requests = {}
    for at, (name, kind) in enumerate(zip(table.columns.metrics, table.kinds, strict=True)):
        request = {**options, "metric": kind, "arms": _arms(table, table.sums, at)}
        if looks:
            request["looks"] = [{"arms": _arms(table, look, at)} for look in looks]
        requests[name] = request
    return requests


def _spread(table: ArmTable) -> Sequence[Mapping[str, Sums]]:
    """Return the earlier looks: at most as many as a request may have, evenly chosen."""
    earlier = table.looks[:-1]
    most = MOST_COMPARISONS // (len(table.arms) - 1) - 1
    step = -(-len(earlier) // most)
    # Counted back from the last: the choice depends on the number of days, and on no result.
    return earlier[::-1][::step][::-1]


def _arms(table: ArmTable, sums: Mapping[str, Sums], metric: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for arm in table.arms:
        row = {"name": arm, "n": float(sums[arm].n), "sum": float(sums[arm].totals[metric])}
        if table.kinds[metric] == "mean":
            row["sum_squares"] = float(sums[arm].squares[metric])
        rows.append(row)
    return rows


def _checked_control(arms: Sequence[str], control: str | None) -> str:
    if len(arms) < 2:
        raise ArmTableError("no_arms", ", ".join(arms))
    if len(arms) > MOST_ARMS:
        raise ArmTableError("many_arms", str(MOST_ARMS))
    if control is not None and control not in arms:
        raise ArmTableError("no_such_control", control)
    return control or control_of(arms)


def _refuse_totals(sums: Mapping[str, Sums]) -> None:
    """Raise ArmTableError if one of the arms is all the others together."""
    name = total_of([(arm, (one.n, *one.totals)) for arm, one in sums.items()])
    if name is not None:
        raise ArmTableError("total_row", name)


def _by_visitor(entries: Sequence[Entry], kinds: Sequence[Kind]) -> tuple[list[Entry], int]:
    """Return one entry a visitor, and how many visitors of several arms are left out."""
    found: dict[str, Entry | None] = {}
    for entry in entries:
        known = found.get(entry.visitor, entry)
        if known is None or known.arm != entry.arm:
            found[entry.visitor] = None
        elif known is entry:
            found[entry.visitor] = entry
        else:
            found[entry.visitor] = _joined(known, entry, kinds)
    kept = [entry for entry in found.values() if entry is not None]
    return kept, len(found) - len(kept)


def _joined(one: Entry, other: Entry, kinds: Sequence[Kind]) -> Entry:
    values = tuple(
        max(a, b) if kind == "proportion" else a + b
        for a, b, kind in zip(one.values, other.values, kinds, strict=True)
    )
    days = [day for day in (one.day, other.day) if day is not None]
    return Entry(one.arm, 1, values, one.visitor, min(days, default=None))


def _capped(entry: Entry, kinds: Sequence[Kind], cap: float) -> Entry:
    values = tuple(
        min(value, cap) if kind == "mean" else value
        for value, kind in zip(entry.values, kinds, strict=True)
    )
    return Entry(entry.arm, entry.n, values, entry.visitor, entry.day)


def _looks(
    entries: Sequence[Entry], arms: Sequence[str], days: Sequence[date], *, n_metrics: int
) -> Iterator[dict[str, Sums]]:
    """Yield the sums until the end of each day; once, without days."""
    by_day: dict[date | None, list[Entry]] = {}
    for entry in entries:
        by_day.setdefault(entry.day, []).append(entry)
    running = {arm: Sums(totals=[0.0] * n_metrics, squares=[0.0] * n_metrics) for arm in arms}
    for day in days or (None,):
        for entry in by_day.get(day, ()):
            running[entry.arm].add(entry.n, entry.values)
        yield {
            arm: Sums(n=one.n, totals=one.totals, squares=one.squares)
            for arm, one in running.items()
        }
