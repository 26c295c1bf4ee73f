"""Sufficient statistics of a metric, from the totals of the arms."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from experiments.models import Experiment
from experiments.services.rollups.arm_totals import ArmTotals, Outcomes
from experiments.stats.decision.policy import Policy
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
)

Metric = Experiment.Metric
POLICY = Policy()
# What the metric of a rate counts.
SUCCESSES = {
    Metric.CLICK_RATE: "clicking_visitors",
    Metric.CONVERSION_RATE: "converting_visitors",
}
# Visitors of whom a verdict needs a few: the mean of too few is far from normal. A mean of values
# has no such floor.
NEEDED = SUCCESSES | {
    Metric.VALUE_PER_CLICK: "clicking_visitors",
    Metric.CONVERSIONS_PER_VISITOR: "converting_visitors",
}


def statistics_of(experiment: Experiment, totals: Sequence[Outcomes]) -> SufficientStatistics:
    """Return the sufficient statistics of the primary metric, control first."""
    return statistics_of_metric(Metric(experiment.primary_metric), totals)


def statistics_of_metric(metric: Metric, totals: Sequence[Outcomes]) -> SufficientStatistics:
    """Return the sufficient statistics of a metric, control first."""
    n = _column(totals, "visitors")
    if metric in SUCCESSES:
        return Proportion(n=n, sum=_column(totals, SUCCESSES[metric]))
    if metric == Metric.VALUE_PER_CLICK:
        return Ratio(
            n=n,
            numerator_sum=_column(totals, "value_sum"),
            numerator_sum_squares=_column(totals, "value_sum_squares"),
            denominator_sum=_column(totals, "click_sum"),
            denominator_sum_squares=_column(totals, "click_sum_squares"),
            product_sum=_column(totals, "value_click_product_sum"),
        )
    name = "conversion_sum" if metric == Metric.CONVERSIONS_PER_VISITOR else "value_sum"
    return Mean(n=n, sum=_column(totals, name), sum_squares=_column(totals, f"{name}_squares"))


def _column(totals: Sequence[Outcomes], name: str) -> FloatArray:
    """Return one total of all arms: an array at once is checked far faster than arm by arm."""
    return np.array([getattr(total, name) for total in totals], dtype=np.float64)


def grouped_statistics_of(
    experiment: Experiment, groups: Sequence[Sequence[Sequence[Outcomes]]]
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
    statistics = statistics_of(experiment, totals)
    if isinstance(statistics, Ratio):
        crossed = _column(totals, "covariate_click_product_sum")
        covariate["covariate_denominator_product_sum"] = crossed
    return replace(statistics, **covariate)


def successes_of(experiment: Experiment, total: Outcomes) -> int | None:
    """Return the visitors who did what the rate counts; None unless it is a rate."""
    return _visitors(SUCCESSES, Metric(experiment.primary_metric), total)


def needed_of(experiment: Experiment, total: Outcomes) -> int | None:
    """Return the visitors that count towards the floor of a verdict; None for a mean of values."""
    return _visitors(NEEDED, Metric(experiment.primary_metric), total)


def counts_clicks(experiment: Experiment) -> bool:
    """Return whether the visitors who count towards the floor are those who clicked."""
    return NEEDED.get(Metric(experiment.primary_metric)) == "clicking_visitors"


def _visitors(names: Mapping[Metric, str], metric: Metric, total: Outcomes) -> int | None:
    name = names.get(metric)
    visitors: int | None = None if name is None else getattr(total, name)
    return visitors


def successes_towards(metric: Metric, total: Outcomes) -> int:
    """Return the visitors who clicked or, for conversions and values a visitor, converted."""
    needed = _visitors(NEEDED, metric, total)
    return total.converting_visitors if needed is None else needed


def is_enough(metric: Metric, total: Outcomes) -> bool:
    """Return whether the arm reaches the floors below which no decision is made either."""
    needed = _visitors(NEEDED, metric, total)
    has_few = needed is not None and needed < POLICY.minimum_conversions
    return total.visitors >= POLICY.minimum_visitors and not has_few


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
