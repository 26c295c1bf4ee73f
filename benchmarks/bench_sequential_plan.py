"""Visitors that sequential plans need, and false verdicts when shares change under drift.

Plans: exact integration, 28 daily looks and two arms; visitors over those of the fixed test at
equal alpha and 80 % power. Beside the default: group-sequential spending by day (Hwang, Shih, De
Cani 1990; O'Brien, Fleming; Pocock) with the same part of alpha in the plan; the normal mixture.
Changed shares: identical arms whose rate drifts, shares 90 to 10 until day 7 and then equal;
verdicts within phases beside those on pooled sums. Shares that somebody changes because of the
results: identical arms, and each day's shares chosen by the statistic of the day before.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from collections.abc import Callable
from pathlib import Path

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import numpy as np
from recording import record
from scipy import special, stats

from experiments.stats.estimation.mantel_haenszel import mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion
from experiments.stats.frequentist.fixed_horizon import compare_fixed
from experiments.stats.sequential.boundaries import mixture_multiplier
from experiments.stats.sequential.comparison import EXACT_RESERVE
from experiments.stats.sequential.looks import Schedule, compare_looks
from experiments.stats.sequential.plan_boundary import AFTER, plan_multiplier, stages_of
from experiments.stats.sequential.stopping_probabilities import (
    crossing_probabilities,
    drift_for_power,
)

ALPHA, POWER, LOOKS, LATE = 0.05, 0.8, 28, 1.01
SEED, RUNS, DAYS = 20_261_128, 4_000, 28
GRID, REACH = 3_001, 7.0
WEEK = np.resize([1.15, 1.1, 1.05, 1.0, 0.95, 0.85, 0.9], DAYS)
Spending = Callable[[float], float]


def main() -> None:
    days = np.arange(1, LOOKS + 1) / LOOKS
    late = np.r_[days[:-1], LATE]
    record(
        "sequential_plan",
        {
            "alpha": ALPHA,
            "power": POWER,
            "looks": LOOKS,
            "targets": {"planned": 1.12, "expected": 0.85, "at_twice": 0.45, "late": 0.75},
            "plans": {name: needs(days, bound) for name, bound in plans(days).items()},
            "power_if_the_last_look_is_1_percent_late": late_power(days, late),
            "comparisons_sharing_alpha": {
                f"{k} comparisons": needs(days, default(days, level=ALPHA / k), level=ALPHA / k)
                for k in (1, 2, 4)
            },
            "changed_shares": {"seed": SEED, "runs": RUNS, "rows": list(map(changed, ROWS))},
            "shares_chosen_by_the_results": {
                "seed": SEED,
                "runs": CHOSEN_RUNS,
                "visitors_a_day": CHOSEN_DAILY,
                "alarms": {
                    f"{first[1]:.0%} or {other[1]:.0%}: {name}": chosen((first, other), choice)
                    for first, other in CHOSEN_SHARES
                    for name, choice in CHOICES.items()
                },
            },
        },
    )


def plans(days: FloatArray) -> dict[str, FloatArray]:
    inside = ALPHA * (1 - AFTER)
    return {
        "default, means": default(days),
        "default, click rates": default(days, reserve=EXACT_RESERVE),
        "Hwang, Shih, De Cani, gamma -4, by day": spent_by_day(days, hwang_shih_de_cani(inside)),
        "O'Brien, Fleming, by day": spent_by_day(days, obrien_fleming(inside)),
        "Pocock, by day": spent_by_day(days, lambda t: inside * np.log(1 + (np.e - 1) * t)),
        "normal mixture (GrowthBook)": mixture_multiplier(days, level=ALPHA, alpha=ALPHA),
        "fixed, one look": np.where(days < 1, np.inf, stats.norm.isf(ALPHA / 2)),
    }


def default(times: FloatArray, *, level: float = ALPHA, reserve: float = 0.0) -> FloatArray:
    stage = stages_of(times, np.ones(times.size, dtype=bool))
    return plan_multiplier(times, level=level, alpha=ALPHA, stage=stage, reserve=reserve)


def hwang_shih_de_cani(alpha: float) -> Spending:
    return lambda t: float(alpha * np.expm1(4 * t) / np.expm1(4))


def obrien_fleming(alpha: float) -> Spending:
    return lambda t: float(4 * special.ndtr(special.ndtri(alpha / 4) / np.sqrt(t)))


def spent_by_day(times: FloatArray, spending: Spending) -> FloatArray:
    """Return the criticals that spend so much by each look: the density is carried on a grid."""
    grid = np.linspace(-REACH, REACH, GRID)
    step = grid[1] - grid[0]
    inside, bounds, before = None, [], 0.0
    for time in times:
        sd = np.sqrt(time - before)
        if inside is None:
            density = stats.norm.pdf(grid, scale=sd)
        else:
            half = int(np.ceil(REACH * sd / step))
            offsets = np.arange(-half, half + 1) * step
            kernel = stats.norm.cdf(offsets + step / 2, scale=sd)
            kernel = kernel - stats.norm.cdf(offsets - step / 2, scale=sd)
            density = np.convolve(inside, kernel, mode="same")
        tail = density[::-1].cumsum()[::-1] * step
        target = (spending(float(time)) - (spending(before) if before else 0.0)) / 2
        edge = float(np.interp(-target, -tail[grid >= 0], grid[grid >= 0]))
        bounds.append(edge / np.sqrt(time))
        inside = density * np.clip((edge - np.abs(grid)) / step + 0.5, 0, 1)
        before = float(time)
    return np.array(bounds)


def needs(times: FloatArray, bound: FloatArray, *, level: float = ALPHA) -> dict[str, float]:
    """Return visitors over the fixed test's, and the false alarms in the plan."""
    drift = drift_for_power(bound, times, power=POWER)
    fixed = (stats.norm.isf(level / 2) + stats.norm.isf(1 - POWER)) ** 2
    planned = drift**2 / fixed

    def expected(factor: float) -> float:
        found = crossing_probabilities(bound, times, drift=factor * drift)
        return round(float(planned * found.expected_fraction), 3)

    null = crossing_probabilities(bound, times)
    return {
        "planned": round(float(planned), 3),
        "expected": expected(1),
        "at_half": expected(0.5),
        "without_effect": expected(0),
        "at_twice": expected(2),
        "alarms_in_the_plan": round(float(null.upper[-1] + null.lower[-1]), 4),
    }


def late_power(days: FloatArray, late: FloatArray) -> float:
    """Return the power of a plan of 80 % whose last look comes a little late."""
    drift = drift_for_power(default(days), days, power=POWER)
    found = crossing_probabilities(default(late), late, drift=drift)
    return round(float(found.upper[-1]), 3)


# Visitors a day, drift of the rate over the days, lift, shares before and after day 7.
GROWING, SHRINKING, EQUAL = ((0.9, 0.1), (0.5, 0.5)), ((0.5, 0.5), (0.9, 0.1)), ((0.5, 0.5),) * 2
ROWS = (
    *((daily, drift, 0.0, GROWING) for daily in (2_000, 10_000) for drift in (-0.1, -0.2, -0.3)),
    (10_000, 0.2, 0.0, GROWING),
    (10_000, -0.2, 0.0, SHRINKING),
    (10_000, -0.2, 0.0, EQUAL),
    (2_000, -0.2, 0.1, GROWING),
)


def changed(
    row: tuple[int, float, float, tuple[tuple[float, float], tuple[float, float]]],
) -> dict[str, object]:
    """Return the part of the experiments with a verdict at any daily look, and the bias."""
    daily, drift, lift, shares = row
    sums = simulated(daily=daily, drift=drift, lift=lift, shares=shares)
    pooled = Proportion(
        n=np.asarray(sums.n).sum(axis=-2, keepdims=True),
        sum=np.asarray(sums.sum).sum(axis=-2, keepdims=True),
    )
    looks = np.ones(DAYS, dtype=bool)
    results = {
        name: compare_looks(
            statistics,
            Schedule(
                planned_visitors=daily * DAYS, alpha=ALPHA, shares=np.array(parts),
                is_scheduled=looks,
            ),
        ).comparisons
        for name, statistics, parts in (
            ("within phases", sums, shares),
            ("pooled", pooled, shares[:1]),
        )
    }  # fmt: skip
    last = Proportion(n=np.asarray(pooled.n)[-1, :, 0], sum=np.asarray(pooled.sum)[-1, :, 0])
    return {
        "visitors_a_day": daily,
        "drift": drift,
        "true_lift": lift,
        "shares": shares,
        "verdicts": {name: share(found.p_value) for name, found in results.items()},
        "verdicts_pooled_fixed": share(compare_fixed(last).p_value),
        "mean_error_of_the_lift": {
            name: round(float(np.nanmean(found.lift) - lift), 4) for name, found in results.items()
        },
    }


def simulated(
    *, daily: int, drift: float, lift: float, shares: tuple[tuple[float, float], ...]
) -> Proportion:
    """Return sums until each day, `(DAYS, RUNS, phases, arms)`."""
    rng = np.random.default_rng(SEED)
    days = np.arange(DAYS)
    rate = 0.05 * WEEK * (1 + drift * days / (DAYS - 1))
    is_before = days < 7
    n = rng.binomial(daily, np.where(is_before[:, None], *map(np.array, shares)), (RUNS, DAYS, 2))
    clicks = rng.binomial(n, np.stack([rate, rate * (1 + lift)], axis=-1))
    phase = np.stack([is_before, ~is_before], axis=-1)[:, :, None]
    by_phase = (part[:, :, None] * phase for part in (n, clicks))
    n, clicks = (part.swapaxes(0, 1).cumsum(axis=0).astype(float) for part in by_phase)
    return Proportion(n=n, sum=clicks)


# Share of the arm before and after a change; the second is chosen by the statistic so far.
CHOSEN_RUNS, CHOSEN_DAILY = 2_000, 10_000
CHOSEN_SHARES = (
    ((0.5, 0.5), (0.99, 0.01)),
    ((0.5, 0.5), (0.9, 0.1)),
    ((0.99, 0.01), (0.5, 0.5)),
    ((0.9, 0.1), (0.5, 0.5)),
)
Choice = Callable[[int, FloatArray], FloatArray]
CHOICES: dict[str, Choice] = {
    "never": lambda day, z: np.zeros_like(z),
    "every other day": lambda day, z: np.full_like(z, day % 2),
    "while z is above 1.8": lambda day, z: z >= 1.8,
    "while z is above 2.2": lambda day, z: z >= 2.2,
    "every other day while z is above 2": lambda day, z: (z >= 2) & (day % 2 == 0),
    "while z is below 1.5": lambda day, z: z < 1.5,
    "from day 18 while z is above 1.9": lambda day, z: (z >= 1.9) & (day >= 18),
}


def chosen(shares: tuple[tuple[float, float], tuple[float, float]], choice: Choice) -> float:
    """Return the part of null experiments with a verdict, where results choose the shares."""
    rng = np.random.default_rng(SEED)
    sums = np.zeros((2, DAYS, CHOSEN_RUNS, 2, 2))
    runs, z = np.arange(CHOSEN_RUNS), np.zeros(CHOSEN_RUNS)
    so_far = np.zeros((2, CHOSEN_RUNS, 2, 2))
    for day in range(DAYS):
        phase = np.asarray(choice(day, z), dtype=int)
        of_arm = rng.binomial(CHOSEN_DAILY, np.array(shares)[phase, 1])
        n = np.stack([CHOSEN_DAILY - of_arm, of_arm], axis=-1)
        so_far[:, runs, phase] += np.stack([n, rng.binomial(n, 0.05)])
        sums[:, day] = so_far
        contrast = mantel_haenszel_contrasts(Proportion(n=so_far[0].copy(), sum=so_far[1].copy()))
        with np.errstate(all="ignore"):
            z = np.nan_to_num(np.abs(contrast.effect / contrast.standard_error)[:, 0])
    schedule = Schedule(
        planned_visitors=CHOSEN_DAILY * DAYS,
        alpha=ALPHA,
        shares=np.array(shares),
        is_scheduled=np.ones(DAYS, dtype=bool),
    )
    return share(compare_looks(Proportion(n=sums[0], sum=sums[1]), schedule).comparisons.p_value)


def share(p_values: FloatArray) -> float:
    return round(float(np.mean(p_values <= ALPHA)), 4)


if __name__ == "__main__":
    main()
