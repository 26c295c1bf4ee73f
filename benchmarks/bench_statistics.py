"""The statistics engine: time of a batch of reports on one core, and visitors that a plan needs.

Speed: 1,000 experiments of 5 arms and 5 metrics, compared by the sequential and by the fixed
default with Holm's correction and intervals that agree with it, and their traffic split checked.
Beside it a floor (means, variances and z on the same arrays) and a peer (scipy's Welch test, one
call a comparison).

Power: visitors for 80 % power at the planned effect over those of the fixed test at equal alpha,
by each reading of "visitors needed", over 100 looks.
"""
# ruff: noqa: E402 - the threads and the path are set before what depends on them is imported

import os
import sys
from pathlib import Path

# One core: before numpy starts its threads.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np
from recording import record
from scipy import special, stats

from experiments.stats.estimation.comparisons import Comparisons
from experiments.stats.estimation.multiplicity import adjust_p_values, interval_levels
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
)
from experiments.stats.frequentist.fixed_horizon import compare_fixed
from experiments.stats.health.sample_ratio import check_srm
from experiments.stats.sequential.boundaries import mixture_multiplier
from experiments.stats.sequential.comparison import EXACT_RESERVE, compare_sequential
from experiments.stats.sequential.plan_boundary import plan_multiplier, stages_of

EXPERIMENTS, ARMS, ROUNDS = 1_000, 5, 5
ALPHA, POWER = 0.05, 0.8
LOOKS, PATHS, SEED = 100, 100_000, 20_261_122


def main() -> None:
    small, large = (batch(visitors) for visitors in (10_000, 10_000_000))
    seconds = {
        "sequential": best(lambda: analyse(small, compare_sequential_default)),
        "fixed": best(lambda: analyse(small, compare_fixed_default)),
        "sequential, 1,000 times the visitors": best(
            lambda: analyse(large, compare_sequential_default)
        ),
        "floor: bare numpy": best(lambda: floor(small)),
        "peer: scipy, a call a comparison": best(lambda: peer(small), rounds=1),
    }
    record(
        "statistics",
        {
            "batch": {"experiments": EXPERIMENTS, "arms": ARMS, "metrics": len(small)},
            "seconds_on_one_core": {name: round(value, 4) for name, value in seconds.items()},
            "target_seconds": 1.0,
            "power": {
                "looks": LOOKS, "paths": PATHS, "seed": SEED, "alpha": ALPHA, "power": POWER,
                "target_ratio": 1.35, "visitors_over_fixed": power_ratios(),
            },
        },
    )  # fmt: skip


def batch(visitors: int) -> list[SufficientStatistics]:
    """Return five metrics: click rate, conversion rate with a covariate, two values, a ratio."""
    rng = np.random.default_rng(SEED)
    shape = (EXPERIMENTS, ARMS)
    n = rng.integers(visitors // 2, visitors, shape).astype(float)
    clicks, converted = (rng.binomial(n.astype(int), rate).astype(float) for rate in (0.05, 0.02))
    before = rng.binomial(n.astype(int), 0.02).astype(float)
    covariate = {
        "covariate_sum": before,
        "covariate_sum_squares": before,
        "covariate_product_sum": np.floor(0.3 * np.minimum(before, converted)),
    }
    value = {"n": n, "sum": clicks * 20.0, "sum_squares": clicks * 900.0}
    ratio = Ratio(
        n=n, numerator_sum=clicks, numerator_sum_squares=2 * clicks, denominator_sum=3 * n,
        denominator_sum_squares=12 * n, product_sum=4 * clicks,
    )  # fmt: skip
    return [
        Proportion(n=n, sum=clicks),
        Proportion(n=n, sum=converted, **covariate),
        Mean(**value),
        Mean(**value, **(covariate | {"covariate_product_sum": 6.0 * np.minimum(before, clicks)})),
        ratio,
    ]


Compare = Callable[[SufficientStatistics, FloatArray | float], Comparisons]


def compare_sequential_default(metric: SufficientStatistics, level: FloatArray | float) -> Any:
    return compare_sequential(metric, planned_n=20_000, alpha=ALPHA, level=level)


def compare_fixed_default(metric: SufficientStatistics, level: FloatArray | float) -> Any:
    is_plain = isinstance(metric, Proportion) and not metric.has_covariate
    return compare_fixed(metric, alpha=level, test="pooled_z" if is_plain else "welch")


def analyse(metrics: list[SufficientStatistics], compare: Compare) -> None:
    """Do all that a report needs: p-values, correction, intervals that agree, traffic split."""
    for metric in metrics:
        p_values = compare(metric, ALPHA).p_value
        adjust_p_values(p_values, "holm")
        compare(metric, interval_levels(p_values, "holm", ALPHA))
    shares = np.full(ARMS, 1 / ARMS)
    for counts in np.asarray(metrics[0].n):
        check_srm(counts, shares)


def floor(metrics: list[SufficientStatistics]) -> None:
    for metric in metrics:
        n = np.asarray(metric.n)
        total = np.asarray(getattr(metric, "sum", getattr(metric, "numerator_sum", None)))
        mean = total / n
        variance = mean * (1 - mean) / n
        error = np.sqrt(np.abs(variance[:, 1:] + variance[:, :1]))
        special.ndtr(-np.abs(mean[:, 1:] - mean[:, :1]) / error)


def peer(metrics: list[SufficientStatistics]) -> None:
    for metric in metrics:
        n = np.asarray(metric.n)
        total = np.asarray(getattr(metric, "sum", getattr(metric, "numerator_sum", None)))
        mean, sd = total / n, np.sqrt(np.maximum(total / n, 1e-9))
        for row in range(EXPERIMENTS):
            for arm in range(1, ARMS):
                stats.ttest_ind_from_stats(
                    mean[row, arm], sd[row, arm], n[row, arm],
                    mean[row, 0], sd[row, 0], n[row, 0], equal_var=False,
                )  # fmt: skip


def best(work: Callable[[], None], *, rounds: int = ROUNDS) -> float:
    """Return the least CPU time of the rounds: what the neighbours on the machine cost is out."""
    times = []
    for _ in range(rounds):
        start, wall = process_time(), perf_counter()
        work()
        times.append(process_time() - start)
        print(f"{times[-1]:.3f} s of CPU, {perf_counter() - wall:.3f} s by the clock")
    return min(times)


def power_ratios() -> dict[str, dict[str, float]]:
    time = np.arange(1, LOOKS + 1) / LOOKS
    stage = stages_of(time, np.ones(LOOKS, dtype=bool))
    bounds = {
        "sequential default, click rates": plan_multiplier(
            time, level=ALPHA, alpha=ALPHA, stage=stage, reserve=EXACT_RESERVE
        ),
        "sequential default, means": plan_multiplier(time, level=ALPHA, alpha=ALPHA, stage=stage),
        "normal mixture alone (GrowthBook)": mixture_multiplier(time, level=ALPHA, alpha=ALPHA),
    }
    rng = np.random.default_rng(SEED)
    steps = rng.normal(0, LOOKS**-0.5, (PATHS, LOOKS))
    paths = np.cumsum(steps, axis=1)
    fixed = (stats.norm.isf(ALPHA / 2) + stats.norm.isf(1 - POWER)) ** 2
    return {name: ratios(paths, time, bound, fixed) for name, bound in bounds.items()}


def ratios(
    paths: FloatArray, time: FloatArray, bound: FloatArray, fixed: float
) -> dict[str, float]:
    """Return visitors over the fixed test's; a path of drift d has d^2 "visitors" at its end."""

    def rejected(drift: float) -> Any:
        return np.abs(paths + drift * time) >= bound * np.sqrt(time)

    low, high = 1.0, 8.0
    for _ in range(30):
        middle = (low + high) / 2
        is_weak = rejected(middle).any(axis=1).mean() < POWER
        low, high = (middle, high) if is_weak else (low, middle)
    whole = high**2 / fixed

    def expected(drift: float) -> float:
        looks = rejected(drift)
        stop = np.where(looks.any(axis=1), looks.argmax(axis=1) + 1, LOOKS)
        return float(whole * stop.mean() / LOOKS)

    alone = (bound[-1] + stats.norm.isf(1 - POWER)) ** 2 / fixed
    return {
        "planned, power counted at every look": round(whole, 3),
        "planned, power of the last look alone": round(float(alone), 3),
        "expected at the planned effect": round(expected(high), 3),
        "expected at twice the planned effect": round(expected(2 * high), 3),
        "expected without effect": round(expected(0.0), 3),
        "false alarms until the plan's end": round(float(rejected(0.0).any(axis=1).mean()), 4),
    }


if __name__ == "__main__":
    main()
