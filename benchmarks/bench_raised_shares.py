"""False verdicts and power where the share of the arms is raised while a sequential test runs.

Identical arms, 28 daily looks. Shares that are small for long and raised late, at once and in
steps, on days fixed beforehand and by the results so far; small shares that stay; the traffic of
the whole test raised in place of a share. Base rates 0.2 to 20 %, 2 to 5 arms, conversions that
come days late. The power is that of the same schedules with an effect that the information of all
days would find with 80 % if it were weighed by its precision, and read once.
"""
# ruff: noqa: E402 - the path is set before what depends on it is imported

import sys
from dataclasses import dataclass
from pathlib import Path as FilePath
from unittest import mock

# The file runs as a script and as a module.
sys.path[:0] = [str(FilePath(__file__).parent), str(FilePath(__file__).parent.parent)]

import numpy as np
from recording import record
from scipy import stats

from experiments.stats.estimation.contrasts import pair_information
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion
from experiments.stats.frequentist.dunnett import loading_of, step_down_levels
from experiments.stats.sequential import comparison
from experiments.stats.sequential.comparison import Plan, look_at
from experiments.stats.sequential.looks import Path, Schedule, compare_looks
from experiments.stats.sequential.visitor_clock import phase_scale, visitor_time

ALPHA, POWER, DAYS = 0.05, 0.8, 28
SEED, RUNS, DAILY = 20_261_129, 2_000, 10_000
RATES = (0.002, 0.01, 0.05, 0.2)
# Parts of the conversions on the day of the exposure, and on the three days after it.
DELAYS = (0.4, 0.3, 0.2, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise:
    """Shares of an arm, the days on which the next one begins, and who is raised.

    `below`: the shares are raised only while |z| is below it. `traffic`: visitors of each day over
    the usual ones, by step.
    """

    name: str
    shares: tuple[float, ...]
    days: tuple[int, ...] = ()
    below: float = np.inf
    traffic: tuple[float, ...] = ()

    @property
    def is_late(self) -> bool:
        """Return whether the first raise is in the last week."""
        return bool(self.days) and self.days[0] > 20


RAISES = (
    Raise(name="50 %", shares=(0.5,)),
    Raise(name="1 %", shares=(0.01,)),
    Raise(name="99 %", shares=(0.99,)),
    Raise(name="1 %, 50 % from day 7", shares=(0.01, 0.5), days=(7,)),
    Raise(name="1 %, 50 % from day 14", shares=(0.01, 0.5), days=(14,)),
    Raise(name="1 %, 50 % from day 20", shares=(0.01, 0.5), days=(20,)),
    Raise(name="1 %, 50 % on the last day", shares=(0.01, 0.5), days=(27,)),
    Raise(name="1, 10, 50 % from days 9 and 18", shares=(0.01, 0.1, 0.5), days=(9, 18)),
    Raise(name="1, 10, 50 % from days 25 and 27", shares=(0.01, 0.1, 0.5), days=(25, 27)),
    Raise(name="1, 2, 5, 10, 25, 50 %, a day each from day 23",
          shares=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5), days=(23, 24, 25, 26, 27)),
    Raise(name="10 %, 50 % from day 7", shares=(0.1, 0.5), days=(7,)),
    Raise(name="99 %, 50 % on the last day", shares=(0.99, 0.5), days=(27,)),
    Raise(name="1 %, 50 % from day 7 if below 1", shares=(0.01, 0.5), days=(7,), below=1.0),
    Raise(name="1 %, 50 % from day 20 if below 2", shares=(0.01, 0.5), days=(20,), below=2.0),
    Raise(name="1 %, 50 % on the last day if below 2.1", shares=(0.01, 0.5), days=(27,), below=2.1),
    Raise(name="1, 4, 15, 50 % in the last 3 days if below 2.1",
          shares=(0.01, 0.04, 0.15, 0.5), days=(25, 26, 27), below=2.1),
    Raise(name="traffic of 1, then 100 % from day 14",
          shares=(0.5,), days=(14,), traffic=(0.01, 1.0)),
    Raise(name="28 times the traffic on the last day if below 2.1",
          shares=(0.5,), days=(27,), below=2.1, traffic=(1.0, 28.0)),
)  # fmt: skip
ARMS = (
    Raise(name="1 % each", shares=(0.01,)),
    Raise(name="1 % each, equal shares from day 14", shares=(0.01, 0.5), days=(14,)),
    Raise(name="1, 10 % each, equal from days 9 and 18", shares=(0.01, 0.1, 0.5), days=(9, 18)),
    Raise(name="1 % each, equal on the last day", shares=(0.01, 0.5), days=(27,)),
)


def main() -> None:
    rows = {
        f"{rate:.1%}: {raised.name}": alarms(raised, rate=rate)
        for rate in RATES
        for raised in RAISES
    }
    late = {
        raised.name: alarms(raised, rate=0.05, is_late=True) for raised in RAISES if raised.is_late
    }
    arms = {
        f"{n_arms} arms: {raised.name}": alarms(raised, rate=0.05, n_arms=n_arms)
        for n_arms in (3, 5)
        for raised in ARMS
    }
    found = np.array([*rows.values(), *late.values(), *arms.values()])
    record(
        "raised_shares",
        {
            "alpha": ALPHA,
            "seed": SEED,
            "runs": RUNS,
            "standard_error": round(float(np.sqrt(ALPHA * (1 - ALPHA) / RUNS)), 4),
            "alarms": rows,
            "alarms_with_late_conversions": late,
            "alarms_of_several_arms": arms,
            "mean": round(float(found.mean()), 4),
            "largest": round(float(found.max()), 4),
            "power": {raised.name: power(raised) for raised in RAISES if raised.below == np.inf},
        },
    )


def alarms(raised: Raise, *, rate: float, n_arms: int = 2, is_late: bool = False) -> float:
    """Return the part of null experiments with a verdict on some arm at any look."""
    shares, n, clicks = simulated(raised, np.full(n_arms, rate), is_late=is_late)
    path = read(shares, n, clicks, planned(raised))
    loading = [loading_of(row) for row in n.sum(axis=-2).mean(axis=1)]
    levels = [step_down_levels(np.ones(n_arms - 1), one, ALPHA)[0] for one in loading]
    p_values = np.nan_to_num(path.p_values, nan=1.0)
    is_proven = p_values <= np.array(levels)[:, None, None]
    return round(float(is_proven.any(axis=(0, -1)).mean()), 4)


def power(raised: Raise) -> float:
    """Return the part of experiments with a verdict, at an effect for 80 % at one look."""
    rate = 0.1
    _, n, _ = simulated(raised, np.full(2, rate))
    information = pair_information(n[-1, 0, :, 0], n[-1, 0, :, 1]).sum()
    reach = stats.norm.isf(ALPHA / 2) + stats.norm.isf(1 - POWER)
    lifted = rate + reach * np.sqrt(rate * (1 - rate) / information)
    path = read(*simulated(raised, np.array([rate, lifted])), planned(raised))
    return round(float((path.comparisons.p_value <= ALPHA).mean()), 3)


def planned(raised: Raise) -> float:
    """Return the visitors of 28 days; where traffic reacts to results, of 28 usual days."""
    if not raised.traffic or np.isfinite(raised.below):
        return float(DAILY * DAYS)
    steps = np.searchsorted(raised.days, np.arange(DAYS), side="right")
    return float(np.round(np.array(raised.traffic)[steps] * DAILY).sum())


def read(shares: FloatArray, n: FloatArray, clicks: FloatArray, planned_visitors: float) -> Path:
    schedule = Schedule(
        planned_visitors=planned_visitors,
        alpha=ALPHA,
        shares=shares,
        is_scheduled=np.ones(DAYS, dtype=bool),
    )
    return compare_looks(Proportion(n=n, sum=clicks), schedule)


def simulated(
    raised: Raise, rates: FloatArray, *, is_late: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return shares `(S, K)`, and visitors and clicks until each day, `(DAYS, RUNS, S, K)`."""
    rng = np.random.default_rng([SEED, len(rates), *raised.name.encode()])
    shares = shares_of(raised, len(rates))
    everyone, step = np.arange(RUNS), np.zeros(RUNS, dtype=int)
    n, clicks = np.zeros((2, DAYS, RUNS, *shares.shape))
    for day in range(DAYS):
        if day in raised.days:
            step = np.where(is_below(raised, shares, n, clicks, day), step + 1, step)
        usual = np.array(raised.traffic or [1.0])[step if raised.traffic else 0]
        phase = step if len(shares) > 1 else np.zeros_like(step)
        new = rng.multinomial(np.round(DAILY * usual).astype(int), shares[phase])
        n[day, everyone, phase] = new
        converted = rng.binomial(new, rates)
        parts = rng.multinomial(converted, DELAYS if is_late else (1.0,))
        for delay in range(min(parts.shape[-1], DAYS - day)):
            clicks[day + delay, everyone, phase] += parts[..., delay]
    return shares, n.cumsum(axis=0), clicks.cumsum(axis=0)


def shares_of(raised: Raise, n_arms: int) -> FloatArray:
    """Return the shares of all arms; with several, 50 % stands for equal shares."""
    arm = np.array(raised.shares)
    if n_arms > 2:
        arm = np.where(arm == 0.5, 1 / n_arms, arm)
    return np.column_stack([1 - arm * (n_arms - 1), *[arm] * (n_arms - 1)])


def is_below(
    raised: Raise, shares: FloatArray, n: FloatArray, clicks: FloatArray, day: int
) -> FloatArray:
    """Return for each run whether the statistic that the plan reads is still below."""
    if not np.isfinite(raised.below):
        return np.ones(RUNS, dtype=bool)
    so_far = n[:day].sum(axis=0)
    plan = Plan(
        phase_shares=shares,
        scale=phase_scale(shares),
        time=visitor_time(so_far[None], shares, DAILY * DAYS)[0],
    )
    look = look_at(Proportion(n=so_far, sum=clicks[:day].sum(axis=0)), plan)
    return np.asarray(np.nan_to_num(np.abs(look.z[:, 0])) < raised.below)


def no_interval(
    clicks: tuple[FloatArray, FloatArray], *, share: FloatArray, log_threshold: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Stand in for the exact intervals: nothing here reads them, and they take most of the time."""
    return np.full(log_threshold.shape, -1.0), np.full(log_threshold.shape, np.inf)


if __name__ == "__main__":
    with mock.patch.object(comparison, "phased_click_lift_interval", no_interval):
        main()
