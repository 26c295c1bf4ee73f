"""Sample size, duration and detectable lift of a planned test."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from experiments.assignment.hashing import equal_shares
from experiments.stats.planning.sample_size import (
    Design,
    SampleSize,
    detectable_lift,
    duration,
    sample_size,
)
from experiments.stats.sequential.plan_boundary import plan_multiplier, stages_of
from experiments.stats.sequential.stopping_probabilities import drift_for_power

# A look a day for four weeks. Looking more often finds the lift sooner: this errs on the safe side.
LOOKS = 28
# Chance of a plan to find its lift.
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Assumptions of a planned test.

    `base` is the control's rate in (0, 1), or its mean where `variance` (of one visitor's value)
    is given; `lift` the change worth finding, not 0.
    """

    base: float
    lift: float
    n_arms: int = 2
    alpha: float = 0.05
    power: float = POWER
    is_sequential: bool = True
    visitors_per_day: float | None = None
    variance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """Plan that follows from the assumptions; `weeks` is None without traffic."""

    size: SampleSize
    weeks: int | None


def plan_for(assumed: Assumptions) -> SamplePlan:
    """Return the visitors at which the assumed lift is found with the wanted power.

    Raises:
        ValueError: Naming the assumption that is out of range.
    """
    size = sample_size(design_for(assumed), assumed.lift)
    lasts = duration(size.total, visitors_per_day=assumed.visitors_per_day or 0)
    return SamplePlan(size=size, weeks=lasts.weeks if lasts else None)


def lift_found_by(assumed: Assumptions, *, visitors: float) -> float | None:
    """Return the smallest lift, of the assumed sign, that `visitors` can detect."""
    upwards = assumed.lift > 0
    return detectable_lift(design_for(assumed), visitors, higher_is_better=upwards)


def design_for(assumed: Assumptions) -> Design:
    """Return the engine's design; equal shares, alpha split between the comparisons."""
    if assumed.n_arms < 2:
        raise ValueError(f"n_arms must be at least 2, got {assumed.n_arms}")
    shares = tuple(equal_shares(assumed.n_arms))
    drift = None
    if assumed.is_sequential:
        drift = _sequential_drift(assumed.alpha, assumed.n_arms - 1, assumed.power)
    return Design(
        base=assumed.base,
        variance=assumed.variance,
        shares=shares,
        alpha=assumed.alpha,
        power=assumed.power,
        drift=drift,
    )


@lru_cache(maxsize=128)
def _sequential_drift(alpha: float, comparisons: int, power: float) -> float:
    times = np.arange(1, LOOKS + 1) / LOOKS
    stages = stages_of(times, np.ones(LOOKS, dtype=bool))
    criticals = plan_multiplier(times, level=alpha / comparisons, alpha=alpha, stage=stages)
    return drift_for_power(criticals, times, power=power)
