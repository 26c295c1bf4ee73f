"""Cap of values (winsorisation): what counts of a visitor's value, and a cap from the past."""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from experiments.models import Experiment
from experiments.selectors import rollups
from experiments.stats.estimation.winsorization import percentile_of

# Experiments that are searched for enough values, the newest first.
SEARCHED = 3
# With fewer values their 99.9th percentile is only the largest of a few.
LEAST_VALUES = 100
MOST_VALUES = 10_000
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedCap:
    """The 99.9th percentile of what the visitors of an earlier experiment were worth.

    `visitors` are those with a value towards the goal.
    """

    cap: Decimal
    experiment: str
    visitors: int


def capped(experiment: Experiment, value: Decimal) -> Decimal:
    """Return what a visitor's total value towards the experiment's goal counts as."""
    cap = experiment.value_cap
    return value if cap is None or value <= cap else cap


def suggested_cap(draft: Experiment) -> SuggestedCap | None:
    """Return a cap for a draft on values from the values of its goal on the site.

    Returns:
        None if it has been started, has no values, or the newest experiments with its goal have
        fewer than 100 visitors with a value, or values in several currencies.
    """
    is_open = draft.status == Experiment.Status.DRAFT
    if not is_open or draft.primary_metric not in Experiment.METRICS_OF_VALUES:
        return None
    for past in rollups.experiments_with_goal(draft)[:SEARCHED]:
        values = rollups.values_of(past, limit=MOST_VALUES)
        if len(values) >= LEAST_VALUES:
            percentile = Decimal(str(percentile_of([float(value) for value in values])))
            return SuggestedCap(
                cap=percentile.quantize(CENT, rounding=ROUND_UP),
                experiment=past.name,
                visitors=len(values),
            )
    return None
