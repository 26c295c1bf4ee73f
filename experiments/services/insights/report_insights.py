"""Insights of a report: checks and corrections beside the comparisons, for one query more."""

from dataclasses import dataclass

import numpy as np

from experiments.services.analysis.report import Report
from experiments.services.analysis.rollup_source import Counts
from experiments.services.analysis.sample_ratio import unknown_phase_visitors, where_assigned
from experiments.services.insights.effect_over_time import TimeHints, time_hints
from experiments.services.insights.exact_tests import ExactReading, exact_readings
from experiments.services.insights.lift_estimates import estimates_of
from experiments.services.insights.lift_prior import fit_site_prior
from experiments.services.insights.segments import (
    AttributeResult,
    SegmentTotals,
    StrataTotals,
    segment_results,
    segment_totals,
)
from experiments.services.insights.time_to_decision import TimeLeft, time_left
from experiments.services.insights.winners_curse import CheckedLift, checked_lifts
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.health.data_quality import MultipleArms, check_multiple_arms
from experiments.stats.health.sample_ratio_search import SrmSearch, find_srm_drivers
from experiments.stats.meta_analysis.empirical_bayes import PriorFit


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Data quality of the experiment.

    `srm_search` is None where no visitor came with attributes. `unknown_phase_visitors` came from
    clients that send no phase; they are neither compared nor part of the sample-ratio check.
    """

    multiple_arms: MultipleArms
    srm_search: SrmSearch | None
    unknown_phase_visitors: int
    time: tuple[TimeHints, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insights:
    """Insights shown beside the comparisons of a report."""

    prior: PriorFit
    lifts: tuple[CheckedLift, ...]
    exact: tuple[ExactReading, ...]
    segments: tuple[AttributeResult, ...]
    health: Health
    time_left: TimeLeft | None


def insights_of(report: Report, counts: Counts) -> Insights | None:
    """Return the insights; None where the report, of the same counts, compares nothing."""
    if not report.comparisons:
        return None
    totals = segment_totals(report, counts)
    prior = fit_site_prior(report.experiment)
    estimates = estimates_of(report)
    return Insights(
        prior=prior,
        lifts=checked_lifts(report, prior, estimates),
        exact=exact_readings(report),
        segments=segment_results(report, totals),
        health=_health(report, totals),
        time_left=time_left(report, estimates),
    )


def _health(report: Report, totals: SegmentTotals) -> Health:
    clean = sum(arm.visitors for arm in report.arms)
    shares = list(report.strata.shares)
    visitors = {
        attribute: {
            value: where_assigned(_visitors(strata), shares) for value, strata in values.items()
        }
        for attribute, values in totals.items()
    }
    return Health(
        multiple_arms=check_multiple_arms(report.quarantined_visitors, clean),
        srm_search=find_srm_drivers(visitors, shares) if visitors else None,
        unknown_phase_visitors=unknown_phase_visitors(report.rollups),
        time=time_hints(report),
    )


def _visitors(strata: StrataTotals) -> list[FloatArray]:
    return [np.array([total.visitors for total in arms], dtype=np.float64) for arms in strata]
