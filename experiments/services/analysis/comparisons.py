"""Comparisons of the arms with the control, by the experiment's metric and plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.models import Experiment, Variant
from experiments.services.analysis.covariate_adjustment import decisive_statistics
from experiments.services.analysis.metric_statistics import statistics_of
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.estimation.comparisons import Comparison, Comparisons
from experiments.stats.estimation.multiplicity import Correction, adjust_p_values, interval_levels
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    SufficientStatistics,
)
from experiments.stats.frequentist.fixed_horizon import Test, compare_fixed
from experiments.stats.sequential.comparison import MIXTURE_VISITORS, compare_sequential

CORRECTION: Correction = "holm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One comparison under one rule; its interval agrees with the adjusted p-value."""

    comparison: Comparison
    p_value_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResult:
    """One arm against the control.

    `fixed` is valid for one look that was planned; `anytime` at every look. An experiment whose
    figures were imported, or with a fixed horizon, has only the first. Where what was known
    before is taken into account (CUPED), both are adjusted, and `unadjusted` is the decisive one
    without it.
    """

    arm: int
    variant_id: int
    fixed: Reading
    anytime: Reading | None
    unadjusted: Reading | None

    @property
    def decisive(self) -> Reading:
        """Return the reading on which the verdict rests."""
        return self.anytime or self.fixed


def compare_arms(
    experiment: Experiment, variants: Sequence[Variant], totals: Sequence[ArmTotals]
) -> tuple[ComparisonResult, ...]:
    """Return every arm but the control against it, Holm-adjusted."""
    plain = statistics_of(experiment, totals)
    used = decisive_statistics(experiment, totals)
    no_readings: Sequence[Reading | None] = [None] * len(variants[1:])

    def anytime(statistics: SufficientStatistics) -> list[Reading]:
        return _anytime_readings(statistics, experiment, variants)

    def fixed(statistics: SufficientStatistics) -> list[Reading]:
        return _fixed_readings(statistics, experiment.alpha)

    decisive = anytime if is_sequential(experiment) else fixed
    columns = (
        fixed(used),
        anytime(used) if is_sequential(experiment) else no_readings,
        decisive(plain) if used.has_covariate else no_readings,
    )
    return tuple(
        ComparisonResult(
            arm=variant.arm,
            variant_id=variant.pk,
            fixed=fixed_reading,
            anytime=anytime_reading,
            unadjusted=unadjusted,
        )
        for variant, fixed_reading, anytime_reading, unadjusted in zip(
            variants[1:], *columns, strict=True
        )
    )


def is_sequential(experiment: Experiment) -> bool:
    """Imported figures are analysed once: their source decided when to stop."""
    is_live = experiment.origin == Experiment.Origin.LIVE
    return is_live and experiment.plan == Experiment.Plan.SEQUENTIAL


def planned_pairs(experiment: Experiment, variants: Sequence[Variant]) -> FloatArray:
    """Return, for each arm but the control, the planned visitors of the two together."""
    shares = np.array([float(variant.share) for variant in variants])
    total = experiment.planned_visitors or MIXTURE_VISITORS * len(variants) / 2
    pairs: FloatArray = total * (shares[0] + shares[1:])
    return pairs


def _fixed_readings(statistics: SufficientStatistics, alpha: float) -> list[Reading]:
    # Rates: the z-test that pools the arms, the same statement as the two-arm chi-squared; it
    # has no adjusted form.
    is_plain_rate = isinstance(statistics, Proportion) and not statistics.has_covariate
    test: Test = "pooled_z" if is_plain_rate else "welch"
    return _readings(lambda level: compare_fixed(statistics, alpha=level, test=test), alpha)


def _anytime_readings(
    statistics: SufficientStatistics, experiment: Experiment, variants: Sequence[Variant]
) -> list[Reading]:
    alpha = experiment.alpha
    shares = np.array([float(variant.share) for variant in variants])
    planned_n = planned_pairs(experiment, variants)
    return _readings(
        lambda level: compare_sequential(
            statistics, planned_n=planned_n, alpha=alpha, level=level, shares=shares
        ),
        alpha,
    )


def _readings(compare: Callable[[FloatArray], Comparisons], alpha: float) -> list[Reading]:
    """Compare once for the p-values, then with intervals at the levels that agree with them."""
    p_values = compare(np.array(alpha)).p_value
    adjusted = adjust_p_values(p_values, CORRECTION)
    rows = compare(interval_levels(p_values, CORRECTION, alpha)).rows()
    return [
        Reading(comparison=row, p_value_adjusted=None if np.isnan(p_value) else float(p_value))
        for row, p_value in zip(rows, adjusted, strict=True)
    ]
