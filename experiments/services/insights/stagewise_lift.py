"""Lift of an arm under a sequential plan, corrected for when it stopped."""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np

from experiments.services.analysis.arm_looks import ArmLooks
from experiments.services.analysis.comparisons import ComparisonResult
from experiments.services.insights.lift_estimates import LiftEstimate
from experiments.stats.sequential.stagewise_estimate import LiftScale, stopped_lift


@dataclass(frozen=True, slots=True, kw_only=True)
class StagewiseLift:
    """Median-unbiased lift at the first crossing, with the data that came after it.

    `crossed_on` is None where the experiment ended before the arm crossed its boundary.
    """

    lift: float
    interval: tuple[float, float]
    level: float
    crossed_on: date | None


def stagewise_lift(
    row: ComparisonResult, measured: LiftEstimate, *, level: float, has_ended: bool
) -> StagewiseLift | None:
    """Return the corrected lift; None for an arm that goes on unproven, or without such a plan.

    An arm that ends unproven has survived all looks: its lift is corrected upwards, because a
    luckier path would have stopped before.
    """
    if row.looks is None or (row.proven is None and not has_ended):
        return None
    looks = row.looks if row.looks.days else _only_look(measured)
    # Where shares changed, the looks weigh the phases otherwise than the lift as measured.
    effect_se = looks.effect_se or measured.effect_se
    lift_se = measured.se * effect_se / measured.effect_se
    stopped = stopped_lift(
        np.array(looks.criticals),
        np.array(looks.fractions),
        np.array(looks.z),
        scale=LiftScale(base=measured.base, effect_se=effect_se, lift_se=lift_se),
        level=level,
    )
    return StagewiseLift(
        lift=stopped.lift,
        interval=stopped.interval,
        level=level,
        crossed_on=row.proven.day if row.proven else None,
    )


def _only_look(measured: LiftEstimate) -> ArmLooks:
    """Return the present as the only look: nothing but exact looks selected it."""
    return ArmLooks(
        days=(),
        fractions=(1.0,),
        z=(measured.effect / measured.effect_se,),
        criticals=(math.inf,),
    )
