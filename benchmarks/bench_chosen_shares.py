"""False verdicts where somebody chooses the shares of a sequential plan by its results.

Beside the policies of `bench_sequential_plan.py`, with seeds of their own: policies that were
written to beat a plan whose time is information, and policies drawn at random, of which those with
the most alarms are judged anew. Identical arms, 28 daily looks. The weights of the phases
(`visitor_clock`) hold for any of them.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import numpy as np
from recording import record

from experiments.stats.estimation.mantel_haenszel import mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion
from experiments.stats.sequential.looks import Schedule, compare_looks

ALPHA, RATE, DAILY, DAYS = 0.05, 0.05, 10_000, 28
WRITTEN_SEED, SEARCH_SEED, JUDGE_SEED = 20_270_101, 20_270_202, 20_270_303
WRITTEN_RUNS, SEARCH_RUNS, JUDGE_RUNS = 5_000, 800, 10_000
DRAWN, JUDGED = 40, 5
# Day, statistics of the runs, and their places in the policy's shares so far -> new places.
Choice = Callable[[int, FloatArray, Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Shares of the arm, and who chooses among them when; all runs begin with the first."""

    name: str
    shares: tuple[float, ...]
    choice: Choice


def main() -> None:
    drawn = [drawn_policy(number) for number in range(DRAWN)]
    found = [alarms(policy, runs=SEARCH_RUNS, seed=SEARCH_SEED) for policy in drawn]
    worst = np.argsort(found)[::-1][:JUDGED]
    record(
        "chosen_shares",
        {
            "alpha": ALPHA,
            "base_rate": RATE,
            "visitors_a_day": DAILY,
            "days": DAYS,
            "written": {
                "seed": WRITTEN_SEED,
                "runs": WRITTEN_RUNS,
                "alarms": {
                    policy.name: alarms(policy, runs=WRITTEN_RUNS, seed=WRITTEN_SEED)
                    for policy in WRITTEN
                },
            },
            "drawn": {
                "policies": DRAWN,
                "runs": SEARCH_RUNS,
                "seeds": {"search": SEARCH_SEED, "judged": JUDGE_SEED},
                "mean_in_the_search": round(float(np.mean(found)), 4),
                "worst_judged_anew": {
                    drawn[place].name: {
                        "search": found[place],
                        "judged": alarms(drawn[place], runs=JUDGE_RUNS, seed=JUDGE_SEED),
                    }
                    for place in worst
                },
                "runs_of_the_judgement": JUDGE_RUNS,
            },
        },
    )


def alarms(policy: Policy, *, runs: int, seed: int) -> float:
    """Return the part of null experiments with a verdict at any look."""
    rng = np.random.default_rng(seed)
    shares = np.array(policy.shares)
    everyone = np.arange(runs)
    sums = np.zeros((2, DAYS, runs, shares.size, 2))
    so_far = np.zeros((2, runs, shares.size, 2))
    z, place = np.zeros(runs), np.zeros(runs, dtype=int)
    for day in range(DAYS):
        place = np.asarray(policy.choice(day, z, place), dtype=int)
        of_arm = rng.binomial(DAILY, shares[place])
        n = np.stack([DAILY - of_arm, of_arm], axis=-1)
        so_far[:, everyone, place] += np.stack([n, rng.binomial(n, RATE)])
        sums[:, day] = so_far
        contrast = mantel_haenszel_contrasts(Proportion(n=so_far[0].copy(), sum=so_far[1].copy()))
        with np.errstate(all="ignore"):
            z = np.nan_to_num(contrast.effect / contrast.standard_error)[:, 0]
    schedule = Schedule(
        planned_visitors=DAILY * DAYS,
        alpha=ALPHA,
        shares=np.stack([1 - shares, shares], axis=-1),
        is_scheduled=np.ones(DAYS, dtype=bool),
    )
    found = compare_looks(Proportion(n=sums[0], sum=sums[1]), schedule).comparisons.p_value
    return round(float(np.mean(found <= ALPHA)), 4)


def second_chance(first_day: int, *, until: float = 2.1) -> Choice:
    """Change the shares late, for as long as the end that is near would show nothing."""
    return lambda day, z, place: np.where(day >= first_day, np.abs(z) < until, place)


def once(on_day: int, *, until: float) -> Choice:
    """Change the shares on one day, for good, unless the results are good."""
    return lambda day, z, place: np.where(day == on_day, np.abs(z) < until, place)


def freeze(first_day: int, *, above: float) -> Choice:
    """Slow the test down for good, once it would be a verdict at its end."""
    return lambda day, z, place: np.maximum(place, (day >= first_day) & (np.abs(z) > above))


def one_sided(day: int, z: FloatArray, place: Any) -> Any:
    """Slow down for winners only; go on fast with losers."""
    return z > 1.7


def with_patience(day: int, z: FloatArray, place: Any) -> Any:
    """Slow down above 2, and go on below 1 only."""
    return np.where(np.abs(z) > 2, 1, np.where(np.abs(z) < 1, 0, place))


def step_by_step(day: int, z: FloatArray, place: Any) -> Any:
    """Halve the arm's share day by day while the results are good; back while they are not."""
    return np.clip(place + np.where(np.abs(z) > 1.6, 1, -1), 0, 5)


def climbing(day: int, z: FloatArray, place: Any) -> Any:
    """Raise the share at the end, a step a day, while there is no verdict in sight."""
    return np.minimum(place + ((day >= 25) & (np.abs(z) < 2.1)), 3)


def falling(day: int, z: FloatArray, place: Any) -> Any:
    """Change whenever the last week was worse than the one before."""
    return np.abs(z) < 0.4 * np.sqrt(day + 1)


HALVES = tuple(0.5 / 2**step for step in range(6))
WRITTEN = (
    Policy(name="50 % all the time", shares=(0.5,), choice=lambda day, z, place: place),
    Policy(name="1 % all the time", shares=(0.01,), choice=lambda day, z, place: place),
    Policy(name="1 %, 50 % on the last day, whatever the results", shares=(0.01, 0.5),
           choice=once(27, until=np.inf)),
    *(
        Policy(name=f"50 %, frozen at 1 % from day {day} on above {above}", shares=(0.5, 0.01),
               choice=freeze(day, above=above))
        for day, above in ((24, 2.15), (25, 2.09), (14, 2.0))
    ),
    Policy(name="50 %, 5 % for winners only", shares=(0.5, 0.05), choice=one_sided),
    Policy(name="50 %, 1 % above 2 until below 1", shares=(0.5, 0.01), choice=with_patience),
    Policy(name="5 %, 50 % above 2 until below 1", shares=(0.05, 0.5), choice=with_patience),
    Policy(name="50 %, halved a day while above 1.6", shares=HALVES, choice=step_by_step),
    Policy(name="1.6 %, doubled a day while above 1.6", shares=HALVES[::-1], choice=step_by_step),
    Policy(name="10 %, 50 % while worse than its way", shares=(0.1, 0.5), choice=falling),
    *(
        Policy(name=f"{100 * low:g} %, 50 % in the last {28 - day} days below 2.1",
               shares=(low, 0.5), choice=second_chance(day))
        for low, day in (
            (0.01, 27), (0.01, 26), (0.01, 21), (0.05, 27), (0.1, 27), (0.1, 23), (0.2, 27)
        )
    ),
    *(
        Policy(name=f"1 %, 50 % from day {day} on if below {until}", shares=(0.01, 0.5),
               choice=once(day, until=until))
        for day, until in ((13, 1.5), (20, 2.0), (7, 1.0))
    ),
    Policy(name="1, 4, 15, 50 % in the last 3 days below 2.1", shares=(0.01, 0.04, 0.15, 0.5),
           choice=climbing),
)  # fmt: skip


def drawn_policy(number: int) -> Policy:
    """Draw a policy: shares, and a rule of thresholds that may differ before and after a day."""
    rng = np.random.default_rng((SEARCH_SEED, number))
    shares = tuple(
        np.round(rng.choice([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5], 3, replace=False), 2)
    )
    low, high = np.sort(rng.uniform(0.5, 2.6, 2))
    day = int(rng.integers(3, 28))
    early, late = rng.permutation(3), rng.permutation(3)
    is_signed, holds = rng.random(2) < (0.3, 0.5)

    def choice(today: int, z: FloatArray, place: Any) -> Any:
        size = z if is_signed else np.abs(z)
        zone = np.searchsorted([low, high], size)
        if today < day:
            return np.zeros_like(place) if holds else early[zone]
        return late[zone]

    text = "/".join(f"{share:g}" for share in shares)
    rule = "kept until" if holds else f"{early.tolist()} until"
    name = (
        f"shares {text}: {rule} day {day}, then {late.tolist()}, by "
        f"{'z' if is_signed else '|z|'} to {low:.2f}, to {high:.2f}, above"
    )
    return Policy(name=name, shares=shares, choice=choice)


if __name__ == "__main__":
    main()
