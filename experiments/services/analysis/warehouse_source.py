"""Warehouse source: the sums of a report, counted from a warehouse's events."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from experiments.event_schema.calendar_days import Offset, offsets_in
from experiments.models import CurrencyRollup, Experiment, GoalRollup, Rollup, Variant
from experiments.models.rollup import AMOUNTS, CURRENCY_AMOUNTS, GOAL_AMOUNTS
from experiments.services.analysis.rollup_source import Counts
from experiments.services.rollups.segment_outcomes import SegmentOutcomes, outcomes_by_segment
from experiments.services.rollups.visitor_outcome import guardrail_goals, value_goals
from experiments.warehouse.engines import Warehouse, WarehouseError
from experiments.warehouse.experiment_query import NO_OFFSETS, ExperimentQuery
from experiments.warehouse.rollup_query import (
    currency_rollups_of,
    goal_rollups_of,
    rollups_of,
)

# Exposures may be dated before the start, by clocks, and long after it.
MOST_DAYS_BEFORE, MOST_DAYS = 366, 10 * 366


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseCounts:
    """The sums that a warehouse counted, as rollups that are stored nowhere."""

    rollups: tuple[Rollup, ...]
    goal_rollups: tuple[GoalRollup, ...]
    currency_rollups: tuple[CurrencyRollup, ...]

    def everybody(self) -> Iterable[Rollup]:
        return [row for row in self.rollups if not row.segment]

    def segments(self) -> Iterable[Rollup]:
        return [row for row in self.rollups if row.segment]

    def segment(self, name: str) -> Iterable[Rollup]:
        return [row for row in self.rollups if row.segment == name]

    def outcomes(self) -> SegmentOutcomes:
        return outcomes_by_segment(self.segments())

    def goals(self) -> Iterable[GoalRollup]:
        return self.goal_rollups

    def currencies(self) -> Iterable[CurrencyRollup]:
        return self.currency_rollups


def experiment_query(experiment: Experiment) -> ExperimentQuery:
    """Return what a warehouse has to know of the experiment."""
    return ExperimentQuery(
        site=experiment.slot.site.key,
        experiment=experiment.key,
        metric=experiment.primary_metric,
        goal=experiment.goal,
        guardrail_goals=tuple(sorted(guardrail_goals(experiment))),
        value_goals=tuple(sorted(value_goals(experiment))),
        value_cap=experiment.value_cap,
        window_hours=experiment.conversion_window_hours,
        stopped_at=experiment.stopped_at,
        offsets=_offsets(experiment),
    )


def _offsets(experiment: Experiment) -> tuple[Offset, ...]:
    """Return the offsets of the time zone of its days, for as long as exposures may come."""
    first = experiment.started_at
    if first is None:
        return NO_OFFSETS
    since, until = first - timedelta(days=MOST_DAYS_BEFORE), first + timedelta(days=MOST_DAYS)
    return offsets_in(experiment.zone_of_days, since=since, until=until)


def count_in(warehouse: Warehouse, experiment: Experiment) -> WarehouseCounts:
    """Have the warehouse count the experiment: a query, one for goals and one for currencies.

    Raises:
        WarehouseError: If the engine refuses, or its events name a variant that is not here.
    """
    query = experiment_query(experiment)
    variants = {variant.key: variant for variant in experiment.variants.all()}
    rows = warehouse.rows(rollups_of(warehouse.events, query))
    goal_rows = (
        warehouse.rows(goal_rollups_of(warehouse.events, query)) if query.guardrail_goals else []
    )
    currency_rows = (
        warehouse.rows(currency_rollups_of(warehouse.events, query)) if query.value_goals else []
    )
    return WarehouseCounts(
        rollups=tuple(
            Rollup(segment=row["segment"], **_common(experiment, variants, row, AMOUNTS))
            for row in _in_order(rows, variants, "segment")
        ),
        goal_rollups=tuple(
            GoalRollup(goal=row["goal"], **_common(experiment, variants, row, GOAL_AMOUNTS))
            for row in _in_order(goal_rows, variants, "goal")
        ),
        currency_rollups=tuple(
            CurrencyRollup(
                goal=row["goal"],
                currency=row["currency"],
                **_common(experiment, variants, row, CURRENCY_AMOUNTS),
            )
            for row in _in_order(currency_rows, variants, "currency")
        ),
    )


def _in_order(
    rows: list[dict[str, Any]], variants: dict[str, Variant], part: str
) -> list[dict[str, Any]]:
    """Return rows in the order in which rollups are read; engines give them in any.

    Raises:
        WarehouseError: If a row is of a variant that is not here.
    """
    for row in rows:
        if row["variant"] not in variants:
            raise WarehouseError(f"variant: the events name {row['variant']!r}, which is not here")
    return sorted(
        rows,
        key=lambda row: (row[part], row["day"], row["phase"], variants[row["variant"]].arm),
    )


def _common(
    experiment: Experiment,
    variants: dict[str, Variant],
    row: dict[str, Any],
    amounts: tuple[str, ...],
) -> dict[str, Any]:
    identity = {
        "experiment": experiment,
        "variant": variants[row["variant"]],
        "day": row["day"],
        "phase": row["phase"],
    }
    return identity | {name: row[name] for name in amounts}


def differences(stored: Counts, counted: Counts) -> list[str]:
    """Return a line for every sum that is not the same in both, in order."""
    ours, theirs = _table(stored), _table(counted)
    nothing = dict.fromkeys((*AMOUNTS, *GOAL_AMOUNTS, *CURRENCY_AMOUNTS), 0)
    lines = []
    for key in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(key, nothing), theirs.get(key, nothing)
        lines += [
            f"{' '.join(key).strip()}: {name} is {here[name]} here, {there[name]} in the warehouse"
            for name in ours.get(key) or theirs[key]
            if here[name] != there[name]
        ]
    return lines


def _table(counts: Counts) -> dict[tuple[str, ...], dict[str, Any]]:
    table: dict[tuple[str, ...], dict[str, Any]] = {
        (*_cell(row), row.segment): {name: getattr(row, name) for name in AMOUNTS}
        for row in (*counts.everybody(), *counts.segments())
    }
    for row in counts.goals():
        table[*_cell(row), "goal", row.goal] = {name: getattr(row, name) for name in GOAL_AMOUNTS}
    for paid in counts.currencies():
        key = (*_cell(paid), "currency", paid.currency, paid.goal)
        table[key] = {name: getattr(paid, name) for name in CURRENCY_AMOUNTS}
    return table


def _cell(row: Rollup | GoalRollup | CurrencyRollup) -> tuple[str, str, str]:
    return row.variant.key, row.day.isoformat(), f"phase {row.phase}"
