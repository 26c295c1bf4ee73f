"""What stands beside the verdict, in experiments without an effect: false signals, look by look.

Segments: four attributes with 18 values, an interaction or an interval without 0. Hints of novelty
and of weekdays, on each of days 6 to 28. The Bayesian panel: some arm's chance to beat the control
above 95 %, on some of 28 days and at the plan's end, under a flat prior and under a site's own.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from pathlib import Path
from typing import Any

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import numpy as np
from recording import record

from experiments.stats.bayesian.normal_model import chance_to_win
from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.lift_intervals import lift_standard_error, log_ratio
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion
from experiments.stats.health.effect_over_time import Trend, novelty_hint, weekday_hint
from experiments.stats.meta_analysis.heterogeneity import equal_effects_p_value
from experiments.stats.sequential.boundaries import mixture_multiplier

SEED, ALPHA = 20_261_128, 0.05
DAYS, A_DAY, RATE = 28, 4_000, 0.03
VALUES = (3, 5, 8, 2)
RUNS = {"segments": 2_000, "hints": 300, "bayesian": 4_000}
PRIORS = (0.03, 0.05, 0.1)


def main() -> None:
    record(
        "side_panels",
        {
            "seed": SEED,
            "runs": RUNS,
            "visitors_a_day": A_DAY,
            "days": DAYS,
            "rate": RATE,
            "targets": {"segments, 1 look": 0.05, "segments, 14 looks": 0.1, "hints": 0.05},
            "segments": {
                f"{arms} arms, {looks} looks": segments(arms, looks)
                for arms in (2, 3, 5)
                for looks in (1, 14)
            },
            "hints_on_some_of_23_days": {f"{arms} arms": hints(arms) for arms in (2, 5)},
            "chance_above_95_percent": {f"{arms} arms": bayesian(arms) for arms in (2, 5)},
            "stopped_above_95_percent": {f"spread {sd}": stopped(sd) for sd in PRIORS},
        },
    )


def segments(arms: int, looks: int) -> float:
    """Return the part of the runs with a false signal in some segment, at some look."""
    rng = np.random.default_rng(SEED)
    runs, planned, family = RUNS["segments"], DAYS * A_DAY, len(VALUES) * (arms - 1)
    is_signalled = np.zeros(runs, dtype=bool)
    for size in VALUES:
        weights = rng.dirichlet(np.full(size, 5.0))
        n, clicks = np.zeros((runs, size, arms)), np.zeros((runs, size, arms))
        for _ in range(looks):
            new = rng.poisson(planned / looks / arms * weights[:, None], n.shape)
            n, clicks = n + new, clicks + rng.binomial(new, RATE)
            lifts, ses = _log_lifts(n, clicks)
            p_value = equal_effects_p_value(np.swapaxes(lifts, 1, 2), np.swapaxes(ses, 1, 2))
            is_signalled |= (family * p_value <= ALPHA).any(axis=-1)
            time = n.sum(axis=(1, 2))[:, None, None] / planned
            half = ses * mixture_multiplier(time, level=ALPHA / family / size, alpha=ALPHA)
            is_signalled |= (np.abs(lifts) > half).any(axis=(1, 2))
    return float(is_signalled.mean())


def hints(arms: int) -> float:
    """Return the part of the runs with a hint of some arm on some day."""
    rng = np.random.default_rng(SEED)
    n, clicks = _days(rng, arms, RUNS["hints"], visitors=2 * A_DAY)
    lifts, ses = _log_lifts(n, clicks)
    family = 2 * (arms - 1)
    hinted = 0
    for lift, se in zip(np.swapaxes(lifts, 1, 2), np.swapaxes(ses, 1, 2), strict=True):
        hinted += any(
            _is_hinted(y[:day], s[:day], family)
            for y, s in zip(lift, se, strict=True)
            for day in range(6, DAYS + 1)
        )
    return hinted / RUNS["hints"]


def bayesian(arms: int) -> dict[str, Any]:
    """Return the part of the runs in which some arm seems to beat the control."""
    rng = np.random.default_rng(SEED)
    n, clicks = _days(rng, arms, RUNS["bayesian"], visitors=A_DAY)
    contrast = contrasts(raw_estimates(Proportion(n=n.cumsum(axis=1), sum=clicks.cumsum(axis=1))))
    lift, se = contrast.lift, lift_standard_error(contrast)
    found = {"flat prior": _is_sure(lift, se)}
    for sd in PRIORS:
        weight = sd**2 / (sd**2 + se**2)
        found[f"site's prior, spread {sd}"] = _is_sure(weight * lift, np.sqrt(weight) * se)
    return {
        name: {
            "on some day": float(is_sure.any(axis=1).mean()),
            "at the end": float(is_sure[:, -1].mean()),
        }
        for name, is_sure in found.items()
    }


def stopped(sd: float) -> dict[str, float]:
    """Return the part of the arms worse than the control, and the part that the chances say.

    Two arms; true lifts are drawn from the site's prior, and each run stops at the first chance
    above 95 %.
    """
    rng = np.random.default_rng(SEED)
    runs = 5 * RUNS["bayesian"]
    truths = rng.normal(0, sd, runs)
    rates = RATE * (1 + np.stack([np.zeros(runs), truths], axis=1))[:, None]
    n = rng.poisson(A_DAY / 2, (runs, DAYS, 2))
    clicks = rng.binomial(n, rates).cumsum(axis=1)
    contrast = contrasts(raw_estimates(Proportion(n=n.cumsum(axis=1), sum=clicks)))
    lift, se = contrast.lift[..., 0], lift_standard_error(contrast)[..., 0]
    weight = sd**2 / (sd**2 + se**2)
    chances = chance_to_win(weight * lift, np.sqrt(weight) * se)
    is_stopped = (chances > 0.95).any(axis=1)
    said = chances[is_stopped, (chances > 0.95).argmax(axis=1)[is_stopped]]
    return {
        "stopped": float(is_stopped.mean()),
        "worse": float((truths[is_stopped] <= 0).mean()),
        "said": float(1 - said.mean()),
    }


def _is_sure(mean: FloatArray, sd: FloatArray) -> FloatArray:
    return np.asarray((chance_to_win(mean, sd) > 0.95).any(axis=-1))


def _is_hinted(lifts: FloatArray, ses: FloatArray, family: int) -> bool:
    days = np.isfinite(lifts)
    y, s, weekdays = lifts[days], ses[days], np.arange(lifts.size)[days] % 7
    novelty = novelty_hint(y, s, family=family).trend
    differs = weekday_hint(y, s, weekdays, days=lifts.size, family=family).differs
    return differs or novelty in (Trend.FADING, Trend.GROWING)


def _days(
    rng: np.random.Generator, arms: int, runs: int, *, visitors: int
) -> tuple[FloatArray, FloatArray]:
    n = rng.poisson(visitors / arms, (runs, DAYS, arms))
    return n.astype(float), rng.binomial(n, RATE).astype(float)


def _log_lifts(n: FloatArray, clicks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return lifts and errors, NaN below the 20 successes an arm that a report asks for."""
    lifts, ses = log_ratio(contrasts(raw_estimates(Proportion(n=n, sum=clicks))))
    has_enough = (clicks[..., 1:] >= 20) & (clicks[..., :1] >= 20)
    return np.where(has_enough, lifts, np.nan), np.where(has_enough, ses, np.nan)


if __name__ == "__main__":
    main()
