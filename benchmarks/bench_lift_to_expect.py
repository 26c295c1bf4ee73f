"""The lift to expect of sequential winners beside the truth, and the time of one estimate.

Planned for +10 % with 80 % power, a look a day for 28 days, true lifts of half the planned one, the
planned one and twice as much. The priors beside the weak one show what others would do.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from pathlib import Path

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from time import process_time

import numpy as np
from recording import record
from scipy import stats

from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.meta_analysis.winners_curse import WEAK_PRIOR
from experiments.stats.sequential.stagewise_estimate import stagewise_estimate
from tests.experiments.stats.sequential.simulated_winners import (
    ALPHA,
    CRITICALS,
    DAYS,
    TIME,
    Winners,
    simulate_winners,
)

TRUE_LIFTS, RUNS, SEED = (0.05, 0.10, 0.20), 4_000, 20_261_128
OTHER_SDS = (0.1, 0.5)
CALLS = 50


def main() -> None:
    record(
        "lift_to_expect",
        {
            "looks": DAYS, "alpha": ALPHA, "runs": RUNS, "seed": SEED,
            "weak_prior": WEAK_PRIOR.label,
            "true_lifts": {f"{lift:+.0%}": figures(lift) for lift in TRUE_LIFTS},
            "milliseconds_an_estimate": round(milliseconds(), 2),
        },
    )  # fmt: skip


def figures(true_lift: float) -> dict[str, float]:
    """Return medians over the winners, and how many of the intervals hold the truth."""
    winners = simulate_winners(true_lift, runs=RUNS, seed=SEED)
    numbers = {
        "shipped": winners.shipped,
        "median measured": float(np.median(winners.measured)),
        "median corrected for the stop": float(np.median(winners.stagewise)),
        "median to expect": float(np.median(winners.expected)),
        "interval covers": winners.coverage,
    }
    for sd in OTHER_SDS:
        median, coverage = under(winners, sd)
        numbers |= {f"median, prior sd {sd}": median, f"covers, prior sd {sd}": coverage}
    return {name: round(number, 3) for name, number in numbers.items()}


def under(winners: Winners, sd: float) -> tuple[float, float]:
    """Return median and coverage of the posteriors under another normal prior around 0."""
    half: FloatArray = np.diff(winners.intervals, axis=1)[:, 0] / 2
    reach = stats.norm.isf(ALPHA / 2)
    # The weak posterior's precision is the prior's and the estimate's together.
    precision = (reach / half) ** 2 - WEAK_PRIOR.sd**-2
    total = precision + sd**-2
    middle = winners.stagewise * precision / total
    inside = np.abs(middle - winners.true_lift) <= reach / np.sqrt(total)
    return float(np.median(middle)), float(np.mean(inside))


def milliseconds() -> float:
    """Return the CPU time of one estimate after all looks."""
    start = process_time()
    for _ in range(CALLS):
        stagewise_estimate(CRITICALS, TIME, z=float(CRITICALS[-1]) + 0.1)
    return (process_time() - start) / CALLS * 1_000


if __name__ == "__main__":
    main()
