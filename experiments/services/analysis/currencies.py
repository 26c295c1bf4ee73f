"""Currencies of the values that a report compares: only values in one currency can be added."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from experiments.models import CurrencyRollup, Experiment
from experiments.services.analysis.guardrails import GuardrailReading

VALUES = Experiment.METRICS_OF_VALUES


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalCurrencies:
    """Conversions with a value towards one goal, by currency; those without one by an empty text.

    `is_mixed` is True where the values are not all in one currency, so far as that is known.
    """

    goal: str
    conversions: Mapping[str, int]
    is_mixed: bool


def goal_currencies(rows: Iterable[CurrencyRollup]) -> tuple[GoalCurrencies, ...]:
    """Return the currencies of each goal, most conversions first."""
    goals: dict[str, Counter[str]] = {}
    for row in rows:
        goals.setdefault(row.goal, Counter())[row.currency] += row.conversions
    return tuple(
        GoalCurrencies(goal=goal, conversions=dict(count.most_common()), is_mixed=len(count) > 1)
        for goal, count in sorted(goals.items())
    )


def is_comparable(experiment: Experiment, currencies: Sequence[GoalCurrencies]) -> bool:
    """Return whether the primary metric's values are in one currency, or it has no values."""
    is_value = experiment.primary_metric in VALUES
    return not (is_value and experiment.goal in mixed_goals(currencies))


def without_mixed_values(
    readings: Iterable[GuardrailReading], currencies: Sequence[GoalCurrencies]
) -> tuple[GuardrailReading, ...]:
    """Return the readings, without lift and bounds where values are in several currencies.

    Bounds of the number of conversions stay: a form that is broken earns in no currency.
    """
    mixed = mixed_goals(currencies)
    return tuple(
        replace(reading, lift=None, bounds=reading.bounds if reading.is_of_successes else None)
        if reading.metric in VALUES and reading.goal in mixed
        else reading
        for reading in readings
    )


def decisive_currencies(
    experiment: Experiment, currencies: Sequence[GoalCurrencies]
) -> dict[str, Mapping[str, int]]:
    """Return the conversions by currency of mixed goals that a verdict rests on, by goal."""
    if not mixed_goals(currencies):
        return {}
    rails = {rail.goal for rail in experiment.guardrails.all() if rail.metric in VALUES}
    goals = rails | ({experiment.goal} if experiment.primary_metric in VALUES else set())
    return {row.goal: row.conversions for row in currencies if row.is_mixed and row.goal in goals}


def mixed_goals(currencies: Sequence[GoalCurrencies]) -> set[str]:
    """Return the goals whose values are not all in one currency."""
    return {row.goal for row in currencies if row.is_mixed}
