"""The check of the traffic split: a small deviation found, and healthy experiments accused.

Found: one arm gets 1 point more than its share, 100,000 visitors in all, over 1 to 500 phases of
changing shares. Accused: shares that are kept, an alarm at any of 60 daily looks; beside it the
chi-squared test of the same counts, repeated as often. Seconds: one check, on one core.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from pathlib import Path
from time import perf_counter

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import numpy as np
from recording import record

from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.health.sample_ratio import check_srm, check_srm_sequential

VISITORS, OFF, SEED = 100_000, 0.01, 20_261_128
RUNS, DAYS, A_DAY = 500, 60, 1_000
ARMS, PHASES = (2, 3, 5), (1, 28, 100, 500)


def main() -> None:
    found, seconds = {}, {}
    for arms in ARMS:
        for phases in PHASES:
            name = f"{arms} arms, {phases} phases"
            found[name], seconds[name] = detection(arms, phases)
    accused = {f"{arms} arms": false_alarms(arms) for arms in ARMS}
    record(
        "sample_ratio",
        {
            "seed": SEED,
            "runs": RUNS,
            "visitors": {"found": VISITORS, "accused, a day": A_DAY},
            "targets": {"found": 0.9, "accused": 0.001},
            "found_1_point_off": found,
            "accused_in_60_daily_looks": accused,
            "seconds_a_check": seconds,
        },
    )


def detection(arms: int, phases: int) -> tuple[float, float]:
    """Return the part of the experiments found, and the seconds of one check."""
    rng = np.random.default_rng(SEED)
    found, started, spent = 0, 0.0, 0.0
    for _ in range(RUNS):
        shares = changing_shares(rng, arms, phases)
        counts = rng.multinomial(VISITORS // phases, tilted(shares))
        started = perf_counter()
        found += check_srm_sequential(counts, shares).is_mismatch
        spent += perf_counter() - started
    return found / RUNS, round(spent / RUNS, 6)


def changing_shares(rng: np.random.Generator, arms: int, phases: int) -> FloatArray:
    """Return shares of shape (phases, arms); equal ones in a single phase."""
    if phases == 1:
        return np.full((1, arms), 1 / arms)
    return rng.dirichlet(np.full(arms, 10.0), phases) * 0.5 + 0.5 / arms


def tilted(shares: FloatArray) -> FloatArray:
    """Return what the visitors get: the control 1 point more, the others less in proportion."""
    others = shares[:, 1:] / shares[:, 1:].sum(axis=1, keepdims=True)
    return np.concatenate([shares[:, :1] + OFF, shares[:, 1:] - OFF * others], axis=1)


def false_alarms(arms: int) -> dict[str, float]:
    """Return the part of the healthy experiments with an alarm at some look."""
    rng = np.random.default_rng(SEED)
    shares = np.full(arms, 1 / arms)
    counts = rng.multinomial(A_DAY, shares, (RUNS, DAYS)).cumsum(axis=1)
    sequential = sum(
        any(check_srm_sequential([day], [shares]).is_mismatch for day in run) for run in counts
    )
    repeated = sum(any(check_srm(day, shares).is_mismatch for day in run) for run in counts)
    return {"at every look": sequential / RUNS, "chi-squared, repeated": repeated / RUNS}


if __name__ == "__main__":
    main()
