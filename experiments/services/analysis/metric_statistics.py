"""Sufficient statistics of a metric, from the totals of the arms."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from experiments.models import Experiment
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.decision.policy import Policy
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    SufficientStatistics,
)

Metric = Experiment.Metric
POLICY = Policy()
# What the metric of a rate counts.
SUCCESSES = {
    Metric.CLICK_RATE: "clicking_visitors",
    Metric.CONVERSION_RATE: "converting_visitors",
}


def statistics_of(experiment: Experiment, totals: Sequence[ArmTotals]) -> SufficientStatistics:
    """Return the sufficient statistics of the primary metric, control first."""
    return statistics_of_metric(Metric(experiment.primary_metric), totals)


def statistics_of_metric(metric: Metric, totals: Sequence[ArmTotals]) -> SufficientStatistics:
    """Return the sufficient statistics of a metric, control first."""
    n = _column(totals, "visitors")
    if metric == Metric.VALUE_PER_VISITOR:
        squares = _column(totals, "value_sum_squares")
        return Mean(n=n, sum=_column(totals, "value_sum"), sum_squares=squares)
    return Proportion(n=n, sum=_column(totals, SUCCESSES[metric]))


def _column(totals: Sequence[ArmTotals], name: str) -> FloatArray:
    """Return one total of all arms: an array at once is checked far faster than arm by arm."""
    return np.array([getattr(total, name) for total in totals], dtype=np.float64)


def grouped_statistics_of(
    experiment: Experiment, groups: Sequence[Sequence[Sequence[ArmTotals]]]
) -> SufficientStatistics:
    """Return the statistics of the arms in each group and stratum, of shape (G, S, K)."""
    shape = len(groups), len(groups[0]), len(groups[0][0])
    cells = [total for strata in groups for of_arms in strata for total in of_arms]
    return each_field(statistics_of(experiment, cells), lambda field: field.reshape(shape))


def adjusted_statistics_of(
    experiment: Experiment, totals: Sequence[ArmTotals]
) -> SufficientStatistics:
    """Return them with what was known before as their covariate (CUPED)."""
    names = ("covariate_sum", "covariate_sum_squares", "covariate_product_sum")
    covariate = {name: _column(totals, name) for name in names}
    return replace(statistics_of(experiment, totals), **covariate)


def successes_of(experiment: Experiment, total: ArmTotals) -> int | None:
    """Return the visitors who did what the metric counts; None for a metric of values."""
    return _successes(Metric(experiment.primary_metric), total)


def _successes(metric: Metric, total: ArmTotals) -> int | None:
    name = SUCCESSES.get(metric)
    successes: int | None = None if name is None else getattr(total, name)
    return successes


def successes_towards(metric: Metric, total: ArmTotals) -> int:
    """Return the visitors who clicked or, for conversions and their values, converted."""
    successes = _successes(metric, total)
    return total.converting_visitors if successes is None else successes


def is_enough(metric: Metric, total: ArmTotals) -> bool:
    """Return whether the arm reaches the floors below which no decision is made either."""
    successes = _successes(metric, total)
    has_few_successes = successes is not None and successes < POLICY.minimum_conversions
    return total.visitors >= POLICY.minimum_visitors and not has_few_successes


def is_enough_together(visitors: FloatArray, successes: FloatArray) -> npt.NDArray[np.bool_]:
    """Return for each arm but the control whether the two reach the floors for a verdict of harm.

    A harmful arm has few successes by its nature: harm must not wait until it has its own.

    Args:
        visitors: Visitors of the arms, control first, shape `(K,)`.
        successes: Those of them with a success.
    """
    has_visitors = np.minimum(visitors[:1], visitors[1:]) >= POLICY.minimum_visitors
    has_successes = successes[:1] + successes[1:] >= 2 * POLICY.minimum_conversions
    return np.asarray(has_visitors & has_successes)
