"""Lift of an arm that crossed its sequential boundary, corrected for when it stopped."""

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
    """Median-unbiased lift at the first crossing, with the data that came after it."""

    lift: float
    interval: tuple[float, float]
    level: float
    crossed_on: date


def stagewise_lift(
    row: ComparisonResult, measured: LiftEstimate, *, level: float
) -> StagewiseLift | None:
    """Return the corrected lift; None for an arm that a sequential plan has not proven."""
    if row.looks is None or row.proven is None:
        return None
    looks = row.looks if row.looks.days else _only_look(row.proven.day, measured)
    stopped = stopped_lift(
        np.array(looks.criticals),
        np.array(looks.fractions),
        np.array(looks.z),
        scale=LiftScale(base=measured.base, effect_se=measured.effect_se, lift_se=measured.se),
        level=level,
    )
    return StagewiseLift(
        lift=stopped.lift,
        interval=stopped.interval,
        level=level,
        crossed_on=row.proven.day,
    )


def _only_look(day: date, measured: LiftEstimate) -> ArmLooks:
    """Return the present as the only look: nothing but exact looks selected it."""
    return ArmLooks(
        days=(day,),
        fractions=(1.0,),
        z=(measured.effect / measured.effect_se,),
        criticals=(math.inf,),
    )
