"""Analysis of an analyst's table: how it was read, and the engine's answer for each metric."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.arm_table import ArmTable, read_arm_table, requests_of
from experiments.stats.engine.table_columns import ColumnChoice, guess_columns
from experiments.stats.engine.table_rows import ArmTableError
from tables.numbers import Decimal
from tables.source import Table


def choose_columns(
    table: Table,
    chosen: Mapping[str, str],
    *,
    metrics: Sequence[str] = (),
) -> ColumnChoice:
    """Return the columns that are named, and guesses for the others.

    Args:
        table: Table as opened.
        chosen: Names by `arm`, `visitors`, `visitor` and `day`; an empty name leaves it out.
        metrics: Columns to compare; empty for a guess.

    Raises:
        ArmTableError: If no column of arms is named or found.

    >>> from tables.source import Reading, Row
    >>> rows = [Row(line=2, cells=("x", "yes")), Row(line=3, cells=("y", "no"))]
    >>> table = Table(columns=("Arm", "Bought"), reading=Reading(kind="text"), rows=lambda: rows)
    >>> choose_columns(table, {}).metrics
    ('Bought',)
    """
    guess = guess_columns(table)
    if guess is None:
        if "arm" not in chosen:
            raise ArmTableError("no_such_column", "arm")
        guess = ColumnChoice(arm=chosen["arm"], metrics=())
    named = {role: name or None for role, name in chosen.items()}
    taken = set(named.values())

    def column_of(role: str) -> str | None:
        """Return the named column, or the guess unless it is named for something else."""
        if role in named:
            return named[role]
        found: str | None = getattr(guess, role)
        return None if found in taken else found

    kept = tuple(name for name in guess.metrics if name not in taken)
    return ColumnChoice(
        arm=column_of("arm") or guess.arm,
        metrics=tuple(metrics) or kept,
        visitors=column_of("visitors"),
        visitor=column_of("visitor"),
        day=column_of("day"),
    )


def analyze_table(
    table: Table,
    columns: ColumnChoice,
    options: Mapping[str, Any],
    *,
    control: str | None = None,
    cap: float | None = None,
    decimal: Decimal | None = None,
) -> dict[str, Any]:
    """Analyse each metric of a table.

    Args:
        table: Table as opened.
        columns: Its columns that are used.
        options: Further fields of the analyze request, such as `method`.
        control: Name of the control.
        cap: Largest value of a visitor that is counted.
        decimal: Decimal character, where it is known.

    Returns:
        Plain JSON values: `read_as`, how the table was understood, and `metrics`, each with its
        arms and the answer of `analyze`.

    Raises:
        ArmTableError: If the table cannot be analysed.
        TableError: If the file cannot be read to its end.
        InvalidRequest: If an option is invalid.

    >>> from tables.source import Reading, Row
    >>> rows = [Row(line=2, cells=("A", 10_000, 500)), Row(line=3, cells=("B", 10_000, 580))]
    >>> names = ("Arm", "Visitors", "Clicks")
    >>> table = Table(columns=names, reading=Reading(kind="text"), rows=lambda: iter(rows))
    >>> answer = analyze_table(table, choose_columns(table, {}), {"method": "fixed"})
    >>> round(answer["metrics"][0]["result"]["comparisons"][0]["p_value"], 4)
    0.0123
    """
    read = read_arm_table(table, columns, control=control, cap=cap, decimal=decimal)
    requests = requests_of(read, options)
    return {
        "read_as": _read_as(table, read, cap),
        "metrics": [
            {
                "metric": name,
                "kind": request["metric"],
                "looks": len(request.get("looks", ())) + 1,
                "arms": [_arm(arm) for arm in request["arms"]],
                "result": analyze(request),
            }
            for name, request in requests.items()
        ],
    }


def _read_as(table: Table, read: ArmTable, cap: float | None) -> dict[str, Any]:
    return {
        "columns": asdict(read.columns) | {"metrics": list(read.columns.metrics)},
        "file": asdict(table.reading) | {"sheets": list(table.reading.sheets)},
        "rows": read.n_rows,
        "visitors": sum(one.n for one in read.sums.values()),
        "control": read.arms[0],
        "days": len(read.days),
        "first_day": read.days[0].isoformat() if read.days else None,
        "last_day": read.days[-1].isoformat() if read.days else None,
        "decimal": read.decimal,
        "date_order": read.date_order,
        "cap": cap,
        "empty_read_as_0": read.n_empty,
        "visitors_of_several_arms_left_out": read.n_crossed,
    }


def _arm(arm: Mapping[str, Any]) -> dict[str, Any]:
    mean = arm["sum"] / arm["n"] if arm["n"] else None
    return {"name": arm["name"], "n": arm["n"], "sum": arm["sum"], "mean": mean}
