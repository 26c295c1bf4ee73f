"""Healthy experiments that guardrails roll back, over 28 daily looks.

Equal arms, independent guardrails, the floors and the shared error of the report; read as the
watch reads them: harmed once a loss is shown and none is excluded. Constant shares, and late
conversions while an arm's share rises from 10 to 50 %, in which case sums pooled over the phases
stand beside.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from pathlib import Path
from typing import Any

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import numpy as np
import numpy.typing as npt
from recording import record

from experiments.stats.decision.arm_status import GuardrailState, guardrail_state
from experiments.stats.decision.evidence import GuardrailEvidence
from experiments.stats.estimation.mantel_haenszel import mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion
from experiments.stats.sequential.one_sided_bounds import (
    OneSidedBounds,
    Successes,
    one_sided_bounds,
)

SEED, RUNS, LOOKS, ALPHA, MARGIN = 20_261_128, 4_000, 28, 0.05, 0.02
A_DAY, LEAST_SUCCESSES = 4_000, 40
# Arms and guardrails; base rates.
SIZES = ((2, 1), (3, 3), (5, 5))
BASES = (0.03, 0.003)
# Visitors a day, base rate, drift of the rate over the 28 days.
LATE_ROWS = ((1_000, 0.05, 0.0), (10_000, 0.05, 0.0), (10_000, 0.05, -0.2), (10_000, 0.05, 0.2))
LATE_RUNS = 2_000
# Parts of the conversions on the day of the exposure, one and two days later.
DELAYS = (0.5, 0.3, 0.2)
CHANGE = 7
SHARES = np.array([[0.9, 0.1], [0.5, 0.5]])


def main() -> None:
    record(
        "guardrails",
        {
            "seed": SEED,
            "alpha": ALPHA,
            "looks": LOOKS,
            "margin": MARGIN,
            "targets": {"healthy": 0.05, "late conversions with changed shares": 0.05},
            "healthy": [
                healthy(n_arms, n_rails, base, runs=RUNS if base > 0.01 else RUNS // 4)
                for n_arms, n_rails in SIZES
                for base in BASES
            ],
            "late_conversions_with_changed_shares": [late(*row) for row in LATE_ROWS],
        },
    )


def healthy(n_arms: int, n_rails: int, base: float, *, runs: int) -> dict[str, Any]:
    """Return the part of the experiments in which an arm is rolled back at some look."""
    rng = np.random.default_rng(SEED)
    harmed = np.zeros(runs, dtype=bool)
    level = ALPHA / ((n_arms - 1) * n_rails)
    shares = np.full((1, n_arms), 1 / n_arms)
    planned = A_DAY * LOOKS / (2 * n_arms)
    for _ in range(n_rails):
        n = rng.poisson(A_DAY / n_arms, (runs, LOOKS, 1, n_arms))
        count = rng.binomial(n, base).cumsum(axis=1).astype(float)
        n = n.cumsum(axis=1).astype(float)
        for look in range(LOOKS):
            harmed |= is_harmed(n[:, look], count[:, look], shares, level=level, planned=planned)
    return {
        "arms": n_arms,
        "guardrails": n_rails,
        "base": base,
        "visitors_a_day": A_DAY,
        "runs": runs,
        "rolled_back": float(harmed.mean()),
    }


def late(daily: int, base: float, drift: float) -> dict[str, Any]:
    """Return the part rolled back where conversions come late and the shares have changed."""
    rng = np.random.default_rng(SEED)
    visitors, count = late_counts(rng, daily, base, drift)
    planned = daily * LOOKS * 0.9 * 0.1
    within, pooled = np.zeros((2, LATE_RUNS), dtype=bool)
    for look in range(LOOKS):
        n, x = visitors[:, look], count[:, look]
        within |= is_harmed(n, x, SHARES, level=ALPHA, planned=planned)
        whole = n.sum(axis=1, keepdims=True)
        split = whole / whole.sum(axis=-1, keepdims=True)
        pooled |= is_harmed(
            whole, x.sum(axis=1, keepdims=True), split, level=ALPHA, planned=planned
        )
    return {
        "visitors_a_day": daily,
        "base": base,
        "drift": drift,
        "runs": LATE_RUNS,
        "rolled_back": float(within.mean()),
        "rolled_back_on_pooled_sums": float(pooled.mean()),
    }


def late_counts(
    rng: np.random.Generator, daily: int, base: float, drift: float
) -> tuple[FloatArray, FloatArray]:
    """Return visitors and conversions known at each look, `(runs, look, phase, arm)`."""
    days = np.arange(LOOKS)
    of_arm = rng.binomial(daily, np.where(days < CHANGE, 0.1, 0.5), (LATE_RUNS, LOOKS))
    new = np.stack([daily - of_arm, of_arm], axis=-1)
    converting = rng.binomial(new, base * np.linspace(1, 1 + drift, LOOKS)[:, None])
    parts = rng.multinomial(converting, DELAYS)
    visitors, known = np.zeros((2, LATE_RUNS, LOOKS, 2, 2))
    for day in range(LOOKS):
        phase = int(day >= CHANGE)
        visitors[:, day, phase] = new[:, day]
        for delay in range(min(len(DELAYS), LOOKS - day)):
            # Conversions belong to the phase of their visitor.
            known[:, day + delay, phase] += parts[:, day, :, delay]
    return visitors.cumsum(axis=1), known.cumsum(axis=1)


def is_harmed(
    n: FloatArray, count: FloatArray, shares: FloatArray, *, level: float, planned: float
) -> npt.NDArray[np.bool_]:
    """Return the runs in which some arm's guardrail is harmed at a look; sums `(runs, S, K)`."""
    contrast = mantel_haenszel_contrasts(Proportion(n=n, sum=count))
    successes = Successes(visitors=n, count=count, shares=np.broadcast_to(shares, n.shape))
    time = contrast.information / planned
    bounds = one_sided_bounds(contrast, successes, levels=(ALPHA, level), time=time)
    together = count.sum(axis=1)
    has_enough = together[:, :1] + together[:, 1:] >= LEAST_SUCCESSES
    found = has_enough & (bounds.high < 0)
    for run, arm in np.argwhere(found):
        found[run, arm] = state_of(bounds, run, arm) is GuardrailState.HARMED
    return np.asarray(found.any(axis=-1))


def state_of(bounds: OneSidedBounds, run: int, arm: int) -> GuardrailState:
    evidence = GuardrailEvidence(
        metric="guardrail",
        bounds=(float(bounds.low[run, arm]), float(bounds.high[run, arm])),
        margin=MARGIN,
        higher_is_better=True,
        anytime=True,
    )
    return guardrail_state(evidence, finished=False)


if __name__ == "__main__":
    main()
