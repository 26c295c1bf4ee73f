"""Lift prior of a site, estimated from its own finished experiments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from experiments.models import Experiment, Variant
from experiments.selectors import reports
from experiments.services.analysis.metric_statistics import (
    SUCCESSES,
    Metric,
    grouped_statistics_of,
    is_enough,
)
from experiments.services.insights.lift_estimates import LiftEstimate, grouped_lift_estimates
from experiments.services.rollups.arm_totals import ArmTotals, totals_of
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.health.sample_ratio import check_srm, check_srm_sequential
from experiments.stats.meta_analysis.empirical_bayes import PriorFit, fit_prior

# Annotations of the rows.
PHASE_SHARES = "phase_shares"
COUNTED = ("visitors", "clicking_visitors", "converting_visitors")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PastArm:
    """Totals of an arm in one phase; `phase_shares` are None where no phase was kept."""

    experiment_id: int
    arm: int
    share: float
    phase_shares: tuple[float, ...] | None
    total: ArmTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class _PastStrata:
    """Totals of a past experiment by stratum and arm; shares of shape `(S, K)`."""

    totals: list[list[ArmTotals]]
    shares: FloatArray


def fit_site_prior(experiment: Experiment) -> PriorFit:
    """Return the prior on lifts that the site's other finished experiments support.

    Only experiments on the same metric count, and of them those whose traffic split as configured
    and whose arms reached the floors of a decision. Where shares changed, arms are compared
    within the phases of equal shares. One query, for any number of events.
    """
    rows = groupby(_past_arms(experiment), lambda arm: arm.experiment_id)
    past = {key: _strata_of(list(arms)) for key, arms in rows}
    trusted = {key: one for key, one in past.items() if _is_trusted(experiment, one)}
    lifts = _lifts(experiment, trusted)
    found = [(key, one) for key in trusted for one in lifts[key] if one is not None]
    return fit_prior(
        [one.lift for _key, one in found],
        [one.se for _key, one in found],
        tests=[key for key, _one in found],
    )


def _past_arms(experiment: Experiment) -> Iterable[_PastArm]:
    if experiment.primary_metric not in SUCCESSES:
        for row in reports.finished_rollups_like(experiment):
            yield _past_arm(row.variant, getattr(row, PHASE_SHARES), totals_of([row]))
        return
    for arm in reports.finished_arms_like(experiment):
        counts = {name: getattr(arm, name) for name in COUNTED}
        yield _past_arm(arm, getattr(arm, PHASE_SHARES), ArmTotals(**counts))


def _past_arm(variant: Variant, shares: Sequence[float] | None, total: ArmTotals) -> _PastArm:
    return _PastArm(
        experiment_id=variant.experiment_id,
        arm=variant.arm,
        share=float(variant.share),
        phase_shares=None if shares is None else tuple(round(share, 4) for share in shares),
        total=total,
    )


def _strata_of(rows: Sequence[_PastArm]) -> _PastStrata:
    """Return one past experiment's totals within phases of equal shares.

    Visitors of an unknown phase count only where shares never changed.
    """
    share_of = {row.arm: row.share for row in rows}
    arms = sorted(share_of)
    present = tuple(share_of[arm] for arm in arms)
    distinct = list(dict.fromkeys(row.phase_shares for row in rows if row.phase_shares))
    shares = [one for one in distinct if len(one) == len(arms)] or [present]
    cells: dict[tuple[int, int], list[ArmTotals]] = {}
    for row in rows:
        if len(shares) == 1:
            cells.setdefault((0, row.arm), []).append(row.total)
        elif row.phase_shares in shares:
            cells.setdefault((shares.index(row.phase_shares), row.arm), []).append(row.total)
    totals = [
        [totals_of(cells.get((stratum, arm), ())) for arm in arms] for stratum in range(len(shares))
    ]
    return _PastStrata(totals=totals, shares=np.array(shares))


def _is_trusted(experiment: Experiment, past: _PastStrata) -> bool:
    """Return whether traffic split as configured, among arms that are large enough."""
    metric = Metric(experiment.primary_metric)
    whole = [totals_of(arm) for arm in zip(*past.totals, strict=True)]
    is_large = len(whole) > 1 and all(is_enough(metric, total) for total in whole)
    return is_large and not _is_mismatch(past)


def _lifts(
    experiment: Experiment, past: Mapping[int, _PastStrata]
) -> dict[int, list[LiftEstimate | None]]:
    """Return the lifts of past experiments; those of as many strata and arms are one computation.

    All have the experiment's metric, so the same statistics apply.
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for key, one in past.items():
        alike.setdefault(one.shares.shape, []).append(key)
    found: dict[int, list[LiftEstimate | None]] = {}
    for keys in alike.values():
        groups = grouped_statistics_of(experiment, [past[key].totals for key in keys])
        found |= zip(keys, grouped_lift_estimates(groups), strict=True)
    return found


def _is_mismatch(past: _PastStrata) -> bool:
    if not np.allclose(past.shares.sum(axis=1), 1):
        return True  # An arm with a share has nobody, and so no row.
    visitors = [[total.visitors for total in stratum] for stratum in past.totals]
    if len(visitors) == 1:
        return check_srm(visitors[0], past.shares[0].tolist()).is_mismatch
    return check_srm_sequential(visitors, past.shares.tolist()).is_mismatch
