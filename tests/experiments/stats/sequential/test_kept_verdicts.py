"""What was proven before the plan's end stays proven at it and after it, as days come in."""

import numpy as np
import pytest

from experiments.stats.estimation.contrasts import as_arrays
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.frequentist.dunnett import loading_of, step_down_p_values
from experiments.stats.sequential.looks import Schedule, compare_looks
from experiments.stats.sequential.step_down import step_down_family

ALPHA, RUNS, DAYS, CHANGE = 0.05, 100, 42, 9
# Days on which somebody opens the report: in the plan, around its end on day 28, and after it.
OPENED = (7, 14, 21, 26, 27, 28, 29, 35, 42)


def daily_sums(rng, *, daily, shares, rates):
    """Return sums until each day, `(DAYS, RUNS, phases, arms)`; shares change after day 9."""
    days = np.arange(DAYS)[:, None]
    part = np.where(days < CHANGE, shares[0], shares[-1])
    n = rng.multinomial(daily, part, (RUNS, DAYS))
    clicks = rng.binomial(n, rates)
    if len(shares) == 1:
        return Proportion(n=_until(n[:, :, None]), sum=_until(clicks[:, :, None]))
    is_before = days < CHANGE
    phase = np.stack([is_before, ~is_before], axis=1)
    return Proportion(n=_until(n[:, :, None] * phase), sum=_until(clicks[:, :, None] * phase))


def _until(by_day):
    return by_day.swapaxes(0, 1).cumsum(axis=0).astype(float)


def read_on(day, sums, schedule):
    """Return a report of that day: adjusted p-values, intervals, and those of its look alone."""
    seen = each_field(sums, lambda field: field[:day])
    schedule = Schedule(**schedule, is_scheduled=np.ones(day, dtype=bool))
    (n,) = as_arrays(seen.n)
    visitors, path = n.sum(axis=-2), compare_looks(seen, schedule)
    families = [
        step_down_family(path.p_values[:, run], visitors[:, run], alpha=ALPHA)
        for run in range(RUNS)
    ]
    levels = np.array([family.levels for family in families])
    alone = [
        step_down_p_values(*one)
        for one in zip(path.look.comparisons.p_value[-1], loading_of(visitors[-1]), strict=True)
    ]
    adjusted = np.array([family.p_values[-1] for family in families])
    return adjusted, np.array(alone), compare_looks(seen, schedule, level=levels).comparisons


CASES = [
    # Rates by arm, shares before and after the change, visitors a day, the plan in days.
    ((0.05, 0.057), ((0.5, 0.5),), 1_500, 28.0),
    ((0.05, 0.057), ((0.5, 0.5),), 1_500, 27.3),  # the plan ends 0.7 days before a look
    ((0.002, 0.003), ((0.5, 0.5),), 8_000, 27.9),
    ((0.2, 0.215), ((0.9, 0.1), (0.5, 0.5)), 1_500, 28.0),
    ((0.05, 0.055, 0.06), ((0.4, 0.3, 0.3), (0.6, 0.2, 0.2)), 3_000, 27.5),
    ((0.02, 0.02, 0.024, 0.022), ((0.25,) * 4,), 6_000, 27.1),
    ((0.05, 0.05, 0.06, 0.052, 0.05), ((0.6, 0.1, 0.1, 0.1, 0.1), (0.2,) * 5), 6_000, 28.0),
    # The control's share rises: the arms depend on each other less from then on.
    ((0.05, 0.056, 0.056), ((0.1, 0.45, 0.45), (0.8, 0.1, 0.1)), 6_000, 28.0),
]


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "shares", "daily", "plan"), CASES)
def test_no_verdict_is_taken_back_by_more_data(rates, shares, daily, plan):
    rng = np.random.default_rng([17, len(rates), daily, int(10 * plan)])
    sums = daily_sums(rng, daily=daily, shares=shares, rates=np.array(rates))
    schedule = {"planned_visitors": daily * plan, "alpha": ALPHA, "shares": np.array(shares)}
    was_proven = was_shown_alone = np.zeros((RUNS, len(rates) - 1), dtype=bool)
    taken_back = taken_back_alone = disagree = 0
    for day in OPENED:
        kept, alone, comparisons = read_on(day, sums, schedule)
        is_proven, is_shown_alone = kept <= ALPHA, alone <= ALPHA
        excludes_zero = (comparisons.effect_low > 0) | (comparisons.effect_high < 0)
        disagree += int((is_proven != excludes_zero).sum())
        taken_back += int((was_proven & ~is_proven).sum())
        taken_back_alone += int((was_shown_alone & ~is_shown_alone).sum())
        was_proven, was_shown_alone = was_proven | is_proven, was_shown_alone | is_shown_alone
        if day == 27:
            before_the_end = int(was_proven.sum())
    assert before_the_end > 0.1 * RUNS
    assert taken_back == 0
    assert disagree == 0
    # Each look for itself would take some back: the boundary after the end is wider.
    assert taken_back_alone > 0


@pytest.mark.slow
def test_no_verdict_is_taken_back_within_a_day():
    """Read every six hours: were the day that is not over a look, many proofs would come and go."""
    rng, runs, days, reads = np.random.default_rng(23), 300, 28, 4
    n = rng.poisson(1_500 / reads / 2, (days * reads, runs, 1, 2))
    clicks = rng.binomial(n, [0.05, 0.0575]).cumsum(axis=0).astype(float)
    n = n.cumsum(axis=0).astype(float)
    was = {True: np.zeros(runs, dtype=bool), False: np.zeros(runs, dtype=bool)}
    back = {True: was[True], False: was[False]}
    for read in range(6 * reads, days * reads):
        ends = np.append(np.arange(reads - 1, read, reads), read)
        is_over = (read + 1) % reads == 0
        for counts, before in was.items():
            plan = Schedule(
                planned_visitors=1_500.0 * days,
                alpha=ALPHA,
                shares=np.array([[0.5, 0.5]]),
                is_scheduled=np.append(np.ones(len(ends) - 1, dtype=bool), counts or is_over),
            )
            seen = Proportion(n=n[ends], sum=clicks[ends])
            is_proven = compare_looks(seen, plan).comparisons.p_value[:, 0] <= ALPHA
            back[counts] = back[counts] | (before & ~is_proven)
            was[counts] = is_proven
    assert was[False].mean() > 0.7
    assert not back[False].any()
    assert back[True].sum() > 0.15 * was[True].sum()
