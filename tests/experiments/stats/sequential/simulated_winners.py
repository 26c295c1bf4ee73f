"""Winners of simulated sequential experiments, with their lift to expect.

Click rates of two equal arms, planned for a lift of 10 % with 80 % power, a look a day for 28
days; a winner is shipped at its crossing, at the earliest on day 7.
"""

from dataclasses import dataclass

import numpy as np

from experiments.stats.estimation.contrasts import contrasts
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.lift_intervals import lift_standard_error
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion
from experiments.stats.meta_analysis.winners_curse import weakly_believed_lift
from experiments.stats.planning.sample_size import Design, sample_size
from experiments.stats.sequential.comparison import EXACT_RESERVE
from experiments.stats.sequential.plan_boundary import plan_multiplier, stages_of
from experiments.stats.sequential.stagewise_estimate import LiftScale, stopped_lift
from experiments.stats.sequential.stopping_probabilities import drift_for_power

ALPHA, DAYS, EARLIEST = 0.05, 28, 7
BASE, PLANNED_LIFT, POWER = 0.05, 0.10, 0.80
TIME = np.arange(1, DAYS + 1) / DAYS
STAGES = stages_of(TIME, np.ones(DAYS, dtype=bool))
CRITICALS = plan_multiplier(TIME, level=ALPHA, alpha=ALPHA, stage=STAGES, reserve=EXACT_RESERVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Winners:
    """Shipped winners; each array has one number a winner.

    `shipped` is the share of the experiments that shipped; `intervals` are those of the lift to
    expect, shape (n, 2).
    """

    true_lift: float
    shipped: float
    measured: FloatArray
    stagewise: FloatArray
    expected: FloatArray
    intervals: FloatArray

    @property
    def coverage(self) -> float:
        """Return the share of the intervals that hold the true lift."""
        low, high = self.intervals.T
        return float(np.mean((low <= self.true_lift) & (self.true_lift <= high)))


def simulate_winners(true_lift: float, *, runs: int, seed: int) -> Winners:
    clicks, visitors = _counts(true_lift, runs, np.random.default_rng(seed))
    contrast = contrasts(estimate(Proportion(n=visitors, sum=clicks)))
    lift_se = lift_standard_error(contrast)[..., 0]
    effect, se = contrast.effect[..., 0], contrast.standard_error[..., 0]
    z, base = effect / se, contrast.base[..., 0]
    crossed = np.maximum.accumulate(z >= CRITICALS, axis=1)
    crossed[:, : EARLIEST - 1] = False
    rows = []
    for run in np.flatnonzero(crossed.any(axis=1)):
        day = int(crossed[run].argmax())
        looks = slice(day + 1)
        scale = LiftScale(base=base[run, day], effect_se=se[run, day], lift_se=lift_se[run, day])
        stop = stopped_lift(
            CRITICALS[looks], TIME[looks], z[run, looks], scale=scale, level=1 - ALPHA
        )
        measured = effect[run, day] / base[run, day]
        expected = weakly_believed_lift(measured, stop.lift, stop.interval, level=stop.level)
        rows.append((measured, stop.lift, expected.estimate, *expected.interval))
    table = np.array(rows, dtype=np.float64)
    return Winners(
        true_lift=true_lift,
        shipped=len(rows) / runs,
        measured=table[:, 0],
        stagewise=table[:, 1],
        expected=table[:, 2],
        intervals=table[:, 3:],
    )


def _counts(true_lift: float, runs: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return clicks and visitors so far, shape (runs, days, arms)."""
    drift = drift_for_power(CRITICALS, TIME, power=POWER)
    planned = sample_size(Design(base=BASE, drift=drift), PLANNED_LIFT).total
    daily = rng.poisson(planned / DAYS / 2, (runs, DAYS, 2))
    clicks = rng.binomial(daily, [BASE, BASE * (1 + true_lift)])
    return clicks.cumsum(axis=1).astype(float), daily.cumsum(axis=1).astype(float)
