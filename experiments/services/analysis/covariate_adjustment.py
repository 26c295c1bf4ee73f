"""Covariate adjustment (CUPED): when it applies, and the variance that it removes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.models import Experiment
from experiments.services.analysis.metric_statistics import adjusted_statistics_of
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.sufficient_statistics import Mean
from experiments.stats.health.data_quality import CovariateBalance, check_covariate_balance

# With fewer visitors the coefficient is mostly noise, and adjusting could gain nothing.
LEAST_WITH_HISTORY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Effect of the covariate on the comparisons.

    `variance_cut` is the share of the arms' variance that it explained; None where an arm's
    variance is unknown. It can be a little below 0, by chance.
    """

    variance_cut: float | None
    balance: CovariateBalance


def is_adjustable(totals: Sequence[ArmTotals]) -> bool:
    """Return whether enough visitors of each arm have a history, and it differs.

    The rule looks at nothing that happened after the first exposure, so it favours no result.
    """
    if any(total.with_history < LEAST_WITH_HISTORY for total in totals):
        return False
    n = sum(total.visitors for total in totals)
    covariate_sum = sum(total.covariate_sum for total in totals)
    return n * sum(total.covariate_sum_squares for total in totals) > covariate_sum**2


def adjustment_of(experiment: Experiment, totals: Sequence[ArmTotals]) -> Adjustment | None:
    """Return what CUPED did; None where it is not used."""
    if not is_adjustable(totals):
        return None
    arms = estimate(adjusted_statistics_of(experiment, totals))
    cut = 1 - float(np.sum(arms.variance) / np.sum(arms.raw_variance))
    covariate = Mean(
        n=np.array([total.visitors for total in totals]),
        sum=np.array([float(total.covariate_sum) for total in totals]),
        sum_squares=np.array([float(total.covariate_sum_squares) for total in totals]),
    )
    return Adjustment(
        variance_cut=cut if np.isfinite(cut) else None,
        balance=check_covariate_balance(covariate),
    )
