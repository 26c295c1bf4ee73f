"""Clocks of a sequential plan whose shares change: false verdicts and power of five mechanisms.

Brownian motion, two arms, 28 daily looks. A mechanism weighs the days, tells the time, and may
take back alpha:

* information: precision weights, information over that planned at the present shares (at least
  0.9 of the most planned so far): the plan before this one;
* visitors: each visitor has the same variance, visitors over planned ones (`visitor_clock`);
* between: weights half-way between the two, on a logarithmic scale;
* spent: as information, but what the line has spent by a change is taken from the plan's rest;
* seven tenths: as information, with 0.7 of alpha from the first change on.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from dataclasses import dataclass
from pathlib import Path

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import numpy as np
from recording import record
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.sequential.plan_boundary import (
    AFTER,
    SLOPE,
    plan_multiplier,
    stages_of,
)

ALPHA, POWER, DAYS = 0.05, 0.8, 28
SEED, RUNS = 20_261_130, 40_000
MECHANISMS = ("information", "visitors", "between", "spent", "seven tenths")


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise:
    """Shares of the arm and the days on which the next one begins, for those below."""

    name: str
    shares: tuple[float, ...]
    days: tuple[int, ...] = ()
    below: float = np.inf

    def information(self, *, is_raised: bool = True) -> FloatArray:
        """Return the information of a visitor on each day."""
        step = np.searchsorted(self.days, np.arange(DAYS), side="right") * is_raised
        share = np.array(self.shares)[step]
        return np.asarray(share * (1 - share))


RAISES = (
    Raise(name="1 %", shares=(0.01,)),
    Raise(name="10 %, 50 % from day 7", shares=(0.1, 0.5), days=(7,)),
    *(
        Raise(name=f"1 %, 50 % from day {day}", shares=(0.01, 0.5), days=(day,))
        for day in (1, 7, 14, 20, 27)
    ),
    Raise(name="1, 10, 50 % from days 9 and 18", shares=(0.01, 0.1, 0.5), days=(9, 18)),
    Raise(name="1, 10, 50 % from days 25 and 27", shares=(0.01, 0.1, 0.5), days=(25, 27)),
    *(
        Raise(
            name=f"1 %, 50 % from day {day} if |z| is below {below}",
            shares=(0.01, 0.5),
            days=(day,),
            below=below,
        )
        for day, below in ((7, 1.0), (13, 1.5), (20, 2.0), (27, 2.1))
    ),
)


def main() -> None:
    alarms = {raised.name: of_each(raised) for raised in RAISES}
    fixed = [raised for raised in RAISES if np.isinf(raised.below)]
    record(
        "clocks",
        {
            "alpha": ALPHA,
            "seed": SEED,
            "runs": RUNS,
            "alarms": alarms,
            "largest": {name: max(found[name] for found in alarms.values()) for name in MECHANISMS},
            "power": {raised.name: of_each(raised, drift=drift_of(raised)) for raised in fixed},
        },
    )


def drift_of(raised: Raise) -> float:
    """Return the effect that precision weights find with 80 % when they are read once."""
    reach = -ndtri(ALPHA / 2) + ndtri(POWER)
    return float(reach / np.sqrt(raised.information().sum()))


def of_each(raised: Raise, *, drift: float = 0.0) -> dict[str, float]:
    """Return the part of the experiments with a verdict by each mechanism, on the same noise."""
    noise = np.random.default_rng(SEED).standard_normal((RUNS, DAYS))
    return {
        name: round(float(verdicts(raised, name, drift, noise).mean()), 4) for name in MECHANISMS
    }


def verdicts(raised: Raise, mechanism: str, drift: float, noise: FloatArray) -> FloatArray:
    is_proven, _ = read(raised.information(), mechanism, drift, noise)
    if np.isinf(raised.below):
        return is_proven
    kept, z = read(raised.information(is_raised=False), mechanism, drift, noise)
    return np.where(np.abs(z[:, raised.days[0] - 1]) < raised.below, is_proven, kept)


def read(
    information: FloatArray, mechanism: str, drift: float, noise: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return whether each run is proven at some look, and its statistics."""
    power = {"visitors": 0.5, "between": 0.25}.get(mechanism, 0.0)
    weight = information**-power
    score = weight * (drift * information + np.sqrt(information) * noise)
    variance = weight**2 * information
    z = score.cumsum(axis=1) / np.sqrt(variance.cumsum())
    planned = planned_by_day(variance)
    time = variance.cumsum() / planned
    level = level_by_day(information, planned, mechanism)
    stage = stages_of(time, np.ones(DAYS, dtype=bool))
    critical = plan_multiplier(time, level=level, alpha=ALPHA, stage=stage)
    return (np.abs(z) >= critical).any(axis=1), z


def planned_by_day(variance: FloatArray) -> FloatArray:
    """Return what the plan has at its end, at the shares of each day."""
    left = DAYS - np.arange(1, DAYS + 1)
    planned = variance.cumsum() + variance * left
    return np.asarray(np.maximum(planned, 0.9 * np.maximum.accumulate(planned)))


def level_by_day(information: FloatArray, planned: FloatArray, mechanism: str) -> FloatArray:
    changes = np.flatnonzero(np.diff(information)) + 1
    level = np.full(DAYS, ALPHA)
    if mechanism == "seven tenths" and changes.size:
        level[changes[0] :] = 0.7 * ALPHA
    if mechanism == "spent":
        so_far, used = information.cumsum(), 0.0
        begun = 0.0
        for day in changes:
            used += spent(level[day - 1], so_far[day - 1] / planned[day - 1]) - begun
            new_time = so_far[day - 1] / planned[day]
            level[day:] = level_that_spends((1 - AFTER) * ALPHA - used, new_time)
            begun = spent(level[day], new_time)
    return level


def level_that_spends(left: float, time: float) -> float:
    """Return the error rate of a plan that has so much left to spend after a time."""
    return float(
        brentq(lambda level: (1 - AFTER) * level - spent(level, time) - left, 1e-6, ALPHA * 1.01)
    )


def spent(level: float, time: float) -> float:
    """Return the bound of P(|B| reaches the line by a time): Anderson's formula, both sides."""
    start = float(plan_multiplier(np.array(1.0), level=level, alpha=ALPHA)) - SLOPE
    root = np.sqrt(time)
    above = ndtr(-(start + SLOPE * time) / root)
    reflected = np.exp(-2 * SLOPE * start) * ndtr(-(start - SLOPE * time) / root)
    return float(2 * (above + reflected))


if __name__ == "__main__":
    main()
