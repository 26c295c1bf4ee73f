"""Lift prior of a site, estimated from its own finished experiments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from experiments.models import Experiment, Variant
from experiments.selectors import reports
from experiments.services.analysis.metric_statistics import Metric, is_enough, statistics_of
from experiments.services.insights.lift_estimates import LiftEstimate, lift_estimates
from experiments.services.rollups.arm_totals import ArmTotals, totals_of
from experiments.stats.health.sample_ratio import check_srm
from experiments.stats.meta_analysis.empirical_bayes import PriorFit, fit_prior

COUNTED = ("visitors", "clicking_visitors", "converting_visitors")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PastArm:
    experiment_id: int
    share: float
    total: ArmTotals


def fit_site_prior(experiment: Experiment) -> PriorFit:
    """Return the prior on lifts that the site's other finished experiments support.

    Only experiments on the same metric count, and of them those whose shares never changed, whose
    traffic split as configured and whose arms reached the floors of a decision. One or two
    queries, for any number of events.
    """
    effects, ses, tests = [], [], []
    for key, arms in groupby(_past_arms(experiment), lambda arm: arm.experiment_id):
        for estimate in _lifts(experiment, list(arms)):
            effects.append(estimate.lift)
            ses.append(estimate.se)
            tests.append(key)
    return fit_prior(effects, ses, tests=tests)


def _past_arms(experiment: Experiment) -> Iterable[_PastArm]:
    if experiment.primary_metric == Experiment.Metric.VALUE_PER_VISITOR:
        rows = reports.finished_rollups_like(experiment)
        for _, group in groupby(rows, lambda row: row.variant_id):
            days = list(group)
            yield _past_arm(days[0].variant, totals_of(days))
        return
    for arm in reports.finished_arms_like(experiment):
        yield _past_arm(arm, ArmTotals(**{name: getattr(arm, name) for name in COUNTED}))


def _past_arm(variant: Variant, total: ArmTotals) -> _PastArm:
    return _PastArm(experiment_id=variant.experiment_id, share=float(variant.share), total=total)


def _lifts(experiment: Experiment, arms: Sequence[_PastArm]) -> list[LiftEstimate]:
    """Return one past experiment's lifts; none if it cannot be trusted."""
    totals = [arm.total for arm in arms]
    if len(arms) < 2 or not all(
        is_enough(Metric(experiment.primary_metric), total) for total in totals
    ):
        return []
    split = check_srm([total.visitors for total in totals], [arm.share for arm in arms])
    if split.is_mismatch:
        return []
    # Both experiments have the same metric, so the same statistics apply.
    estimates = lift_estimates(statistics_of(experiment, totals))
    return [estimate for estimate in estimates if estimate is not None]
