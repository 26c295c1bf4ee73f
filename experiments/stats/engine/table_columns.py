"""Columns of an analyst's table: the content of each, by its name and its cells."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from tables.flags import FLAGS
from tables.labels import plain_name
from tables.numbers import NumberColumn, NumberError
from tables.source import Cell, Row, Table, as_text

# Names by which columns go, the likelier first.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "arm": (
        *("arm", "variant", "variante", "variation", "bras", "version", "group", "groupe"),
        *("treatment", "traitement", "bucket", "cell", "test_group", "campaign", "campagne"),
        *("wording", "formulation", "creative", "annonce", "ad"),
    ),
    "visitors": (
        *("visitors", "visiteurs", "users", "utilisateurs", "impressions", "sessions"),
        *("recipients", "destinataires", "sent", "envois", "delivered", "exposures", "n"),
    ),
    "visitor": (
        *("visitor", "visitor_id", "visiteur", "id_visiteur", "user", "user_id", "utilisateur"),
        *("client_id", "customer_id", "id_client", "device_id", "cookie", "id"),
    ),
    "day": ("day", "jour", "date", "timestamp", "exposed_at", "exposed_on"),
}
_CONTROLS = ("control", "controle", "temoin", "original", "baseline", "reference", "a", "0")
_RATE_NAMES = frozenset({"rate", "taux", "ctr", "cvr", "percent", "pourcentage", "share", "part"})
# Rows from which the kinds of the other columns are told.
_LOOKED_AT = 1_000
MOST_METRICS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChoice:
    """Columns of an analysis, by their names in the file.

    Args:
        arm: Names of the arms.
        metrics: Metrics to compare; in rows of counts each counts visitors who did something.
        visitors: Visitors of a row; None if each row is one visitor, or one thing a visitor did.
        visitor: Id of the visitor, whose rows are added up; None if no row shares one.
        day: Day of a row of counts, or of a visitor's first row; the ends of days are looks.
    """

    arm: str
    metrics: tuple[str, ...]
    visitors: str | None = None
    visitor: str | None = None
    day: str | None = None


def guess_columns(table: Table) -> ColumnChoice | None:
    """Return the likeliest choice of columns; None if no column has names of arms.

    Args:
        table: Table whose first 1,000 rows are looked at.

    Raises:
        TableError: If the rows cannot be read.
    """
    names = [name for name in table.columns if name]
    keys = {plain_name(name): name for name in reversed(names)}
    chosen = {role: _named(keys, role) for role in _NAMES}
    if chosen["arm"] is None:
        return None
    taken = set(chosen.values())
    looked_at = islice(table.rows(), _LOOKED_AT)
    rows = [row for row in looked_at if len(row.cells) == len(table.columns)]
    metrics = [
        name
        for name in names
        if name not in taken and _is_metric(table, rows, name, visitors=chosen["visitors"])
    ]
    return ColumnChoice(
        arm=chosen["arm"],
        metrics=tuple(metrics[:MOST_METRICS]),
        visitors=chosen["visitors"],
        visitor=None if chosen["visitors"] else chosen["visitor"],
        day=chosen["day"],
    )


def control_of(arms: Sequence[str]) -> str:
    """Return the arm that is named like a control, or else the first.

    Args:
        arms: Names of the arms, in order of their first rows.

    >>> control_of(["b", "Témoin"]), control_of(["new", "old"])
    ('Témoin', 'new')
    """
    keys = {plain_name(arm): arm for arm in reversed(arms)}
    return next((keys[name] for name in _CONTROLS if name in keys), arms[0])


def _named(keys: Mapping[str, str], role: str) -> str | None:
    return next((keys[name] for name in _NAMES[role] if name in keys), None)


def _is_metric(table: Table, rows: Iterable[Row], name: str, *, visitors: str | None) -> bool:
    """Return whether most cells are numbers or flags; in rows of counts, at most the visitors.

    Not all of them: a column with a cell that cannot be read must not go unnoticed.
    """
    if "%" in name or _RATE_NAMES & set(plain_name(name).split("_")):
        return False
    cells = [as_text(cell) for cell in _cells(table, rows, name)]
    filled = sum(map(bool, cells))
    if all(cell.casefold() in FLAGS for cell in cells):
        return filled > 0
    values = _numbers(cells, whole=visitors is not None)
    most = [math.inf] * len(cells)
    if visitors is not None:
        most = _numbers([as_text(cell) for cell in _cells(table, rows, visitors)], whole=True)
    # No comparison with NaN holds.
    fitting = sum(a <= b for a, b, cell in zip(values, most, cells, strict=True) if cell)
    return filled > 0 and 2 * fitting >= filled


def _cells(table: Table, rows: Iterable[Row], name: str) -> list[Cell]:
    at = table.columns.index(name)
    return [row.cells[at] for row in rows]


def _numbers(cells: Sequence[str], *, whole: bool) -> list[float]:
    """Return the numbers of cells; NaN for what is none."""
    column = NumberColumn(whole=whole)
    column.learn(cells)
    return [_number(column, cell) for cell in cells]


def _number(column: NumberColumn, cell: str) -> float:
    try:
        return column.read(cell)
    except NumberError as error:
        # Which of its readings is meant does not matter here.
        return min(error.readings, default=math.nan)
