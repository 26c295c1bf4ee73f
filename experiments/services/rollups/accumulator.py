"""Changes to visitors' contributions, gathered in memory and written in a few statements."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from operator import add
from typing import Any, TypeVar

from experiments.models import (
    CurrencyRollup,
    Experiment,
    GoalRollup,
    Rollup,
    VisitorOutcome,
)
from experiments.models.rollup import AMOUNTS, CURRENCY_AMOUNTS, GOAL_AMOUNTS, LEFT_OUT_COLUMNS
from experiments.selectors import rollups
from experiments.services.rollups.value_cap import capped
from experiments.services.rollups.visitor_outcome import Outcome, measured

Amounts = tuple[int | Decimal, ...]
# Arm, day, phase and segment or goal.
Cell = tuple[int, date, int, str]
EVERYBODY = ""
ROWS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """Key of a rollup."""

    experiment_id: int
    variant_id: int
    day: date
    phase: int
    segment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _GoalKey:
    """Key of a rollup of a goal."""

    experiment_id: int
    variant_id: int
    day: date
    phase: int
    goal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _CurrencyKey:
    """Key of a rollup of a goal's conversions in one currency."""

    experiment_id: int
    variant_id: int
    day: date
    phase: int
    goal: str
    currency: str


AnyKey = TypeVar("AnyKey", _Key, _GoalKey, _CurrencyKey)
Row = TypeVar("Row", Rollup, GoalRollup, CurrencyRollup)


class RollupAccumulator:
    """Pending changes; their experiments must be locked until the transaction ends."""

    def __init__(self) -> None:
        self.deltas: dict[_Key, Amounts] = {}
        self.goal_deltas: dict[_GoalKey, Amounts] = {}
        self.currency_deltas: dict[_CurrencyKey, Amounts] = {}
        self.created: list[VisitorOutcome] = []
        self.changed: list[VisitorOutcome] = []
        self.removed: list[VisitorOutcome] = []

    def replace(
        self,
        experiment: Experiment,
        visitor: str,
        *,
        old: VisitorOutcome | None,
        new: Outcome | None,
    ) -> None:
        """Book a visitor's new contribution in place of the old one; settled rows stay."""
        if new is None or (old is not None and (old.is_settled or _as_outcome(old) == new)):
            return
        if old is not None:
            self._add(experiment, _as_outcome(old), sign=-1)
        self._add(experiment, new, sign=1)
        row = old or VisitorOutcome(experiment=experiment, visitor=visitor)
        for name in Outcome.__slots__:
            setattr(row, name, getattr(new, name))
        (self.changed if old else self.created).append(row)

    def remove(self, experiment: Experiment, row: VisitorOutcome) -> None:
        """Subtract a visitor's contribution from the sums and delete the row."""
        self._add(experiment, _as_outcome(row), sign=-1)
        self.removed.append(row)

    def add_settled(self, experiment: Experiment, row: VisitorOutcome) -> None:
        """Book an existing row into sums that do not hold it."""
        self._add(experiment, _as_outcome(row), sign=1)

    def add(self, experiment: Experiment, outcome: Outcome | None) -> None:
        """Book a contribution into sums that do not hold it; write nothing."""
        if outcome is not None:
            self._add(experiment, outcome, sign=1)

    def sums(self) -> dict[Cell, Amounts]:
        """Return the booked amounts by arm, day, phase and segment."""
        moved = _moved(self.deltas).items()
        return {(key.variant_id, key.day, key.phase, key.segment): sums for key, sums in moved}

    def goal_sums(self) -> dict[Cell, Amounts]:
        """Return the booked amounts by arm, day, phase and goal."""
        moved = _moved(self.goal_deltas).items()
        return {(key.variant_id, key.day, key.phase, key.goal): sums for key, sums in moved}

    def currency_sums(self) -> dict[Cell, Amounts]:
        """Return the booked amounts by arm, day, phase, and currency with its goal."""
        moved = _moved(self.currency_deltas).items()
        return {
            (key.variant_id, key.day, key.phase, f"{key.currency} {key.goal}"): sums
            for key, sums in moved
        }

    def write(self) -> None:
        """Write visitors and rollups; the number of statements does not grow with the rows."""
        VisitorOutcome.objects.filter(pk__in=[row.pk for row in self.removed]).delete()
        for row in self.changed:  # An upsert by experiment and visitor is far cheaper.
            row.pk = None
        VisitorOutcome.objects.bulk_create(
            self.created + self.changed,
            update_conflicts=True,
            unique_fields=["experiment", "visitor"],
            update_fields=list(Outcome.__slots__),
        )
        _write_rollups(_moved(self.deltas))
        _write_goal_rollups(_moved(self.goal_deltas))
        _write_currency_rollups(_moved(self.currency_deltas))

    def _add(self, experiment: Experiment, outcome: Outcome, *, sign: int) -> None:
        self._add_to_segments(experiment, outcome, sign)
        if not outcome.exclusion:
            self._add_to_goals(experiment, outcome, sign)

    def _add_to_segments(self, experiment: Experiment, outcome: Outcome, sign: int) -> None:
        amounts = _amounts(experiment, outcome, sign)
        for segment in (EVERYBODY, *outcome.segments.split()):
            key = _Key(
                experiment_id=experiment.pk,
                variant_id=outcome.variant_id,
                day=outcome.day,
                phase=outcome.phase,
                segment=segment,
            )
            _increase(self.deltas, key, amounts)

    def _add_to_goals(self, experiment: Experiment, outcome: Outcome, sign: int) -> None:
        cell: dict[str, Any] = {
            "experiment_id": experiment.pk,
            "variant_id": outcome.variant_id,
            "day": outcome.day,
            "phase": outcome.phase,
        }
        for goal, written in outcome.goals.items():
            value = Decimal(written)
            if goal == experiment.goal:
                value = capped(experiment, value)
            amounts = _goal_amounts(outcome, goal, value)
            signed = tuple(sign * amount for amount in amounts)
            _increase(self.goal_deltas, _GoalKey(**cell, goal=goal), signed)
        for name, conversions in outcome.currencies.items():
            currency, _, goal = name.partition(" ")
            key = _CurrencyKey(**cell, goal=goal, currency=currency)
            _increase(self.currency_deltas, key, (sign * conversions,))


def _increase(deltas: dict[AnyKey, Amounts], key: AnyKey, amounts: Amounts) -> None:
    before = deltas.get(key, (0,) * len(amounts))
    deltas[key] = tuple(map(add, before, amounts))


def _moved(deltas: dict[AnyKey, Amounts]) -> dict[AnyKey, Amounts]:
    return {key: amounts for key, amounts in deltas.items() if any(amounts)}


def _amounts(experiment: Experiment, outcome: Outcome, sign: int) -> Amounts:
    """Return the visitor's amounts (negated with sign -1), in the order of AMOUNTS."""
    counted = 0 if outcome.exclusion else sign
    worth = capped(experiment, outcome.value)
    value, covariate = worth * counted, outcome.covariate * counted
    clicks, conversions = outcome.clicks * counted, outcome.conversions * counted
    return (
        counted,
        counted * outcome.has_clicked,
        counted * outcome.has_converted,
        value,
        value * worth,
        counted * (worth < outcome.value),
        clicks,
        clicks * outcome.clicks,
        conversions,
        conversions * outcome.conversions,
        value * outcome.clicks,
        counted * outcome.repeated_orders,
        covariate,
        covariate * outcome.covariate,
        covariate * measured(experiment, outcome),
        covariate * outcome.clicks,
        *(sign * (outcome.exclusion == reason) for reason in LEFT_OUT_COLUMNS),
    )


def _goal_amounts(outcome: Outcome, goal: str, value: Decimal) -> Amounts:
    """Return what the visitor did towards a goal, in the order of GOAL_AMOUNTS."""
    # Outcomes of an earlier version lack the number, and no sum holds it.
    conversions = outcome.goal_conversions.get(goal, 0)
    return (1, value, value**2, conversions, conversions**2, value * outcome.clicks)


def _write_rollups(deltas: dict[_Key, Amounts]) -> None:
    if not deltas:
        return
    # Extra rows may match; that is cheaper than more statements.
    rows = rollups.rollups_to_book(
        experiment_ids={key.experiment_id for key in deltas},
        days={key.day for key in deltas},
        segments={key.segment for key in deltas},
    )
    stored = {_key_of(row, _Key): row for row in rows}
    touched = {key: stored.get(key) or Rollup(**asdict(key)) for key in deltas}
    _write_rows(Rollup, AMOUNTS, [(touched[key], amounts) for key, amounts in deltas.items()])


def _write_goal_rollups(deltas: dict[_GoalKey, Amounts]) -> None:
    if not deltas:
        return
    rows = rollups.goal_rollups_to_book(
        experiment_ids={key.experiment_id for key in deltas}, days={key.day for key in deltas}
    )
    stored = {_key_of(row, _GoalKey): row for row in rows}
    touched = {key: stored.get(key) or GoalRollup(**asdict(key)) for key in deltas}
    changes = [(touched[key], amounts) for key, amounts in deltas.items()]
    _write_rows(GoalRollup, GOAL_AMOUNTS, changes)


def _write_currency_rollups(deltas: dict[_CurrencyKey, Amounts]) -> None:
    if not deltas:
        return
    rows = rollups.currency_rollups_to_book(
        experiment_ids={key.experiment_id for key in deltas}, days={key.day for key in deltas}
    )
    stored = {_key_of(row, _CurrencyKey): row for row in rows}
    touched = {key: stored.get(key) or CurrencyRollup(**asdict(key)) for key in deltas}
    changes = [(touched[key], amounts) for key, amounts in deltas.items()]
    _write_rows(CurrencyRollup, CURRENCY_AMOUNTS, changes)


def _write_rows(
    model: type[Row], names: Sequence[str], changes: Sequence[tuple[Row, Amounts]]
) -> None:
    """Add the amounts to the rows of one model."""
    created: list[Row] = []
    changed: list[Row] = []
    emptied: list[int] = []
    for row, amounts in changes:
        for name, amount in zip(names, amounts, strict=True):
            setattr(row, name, getattr(row, name) + amount)
        # A row of zeros (its only visitor moved to another day) is deleted.
        if any(getattr(row, name) for name in names):
            (changed if row.pk else created).append(row)
        else:
            emptied.append(row.pk)
    rows = model._default_manager
    rows.filter(pk__in=emptied).delete()
    # As above: `bulk_update` writes a case for each column and row.
    rows.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=names,
        batch_size=ROWS_A_STATEMENT,
    )
    rows.bulk_create(created)


def _key_of(row: Rollup | GoalRollup | CurrencyRollup, kind: type[AnyKey]) -> AnyKey:
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def _as_outcome(row: VisitorOutcome) -> Outcome:
    return Outcome(**{name: getattr(row, name) for name in Outcome.__slots__})
