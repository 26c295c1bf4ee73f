"""Conversions that come days after the exposure, while the shares change."""

import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.looks import Schedule, compare_looks

RUNS, DAYS, CHANGE, RATE = 1_000, 28, 7, 0.05
# Parts of the conversions on the day of the exposure, one and two days later.
DELAYS = (0.5, 0.3, 0.2)


def cohorts(rng, daily, shares):
    """Return visitors by day of exposure, and their conversions by delay: `(RUNS, DAYS, 2)`."""
    days = np.arange(DAYS)[:, None]
    n = rng.binomial(daily, np.where(days < CHANGE, shares[0], shares[1]), (RUNS, DAYS, 2))
    converted = rng.binomial(n, RATE)
    at_once = rng.binomial(converted, DELAYS[0])
    next_day = rng.binomial(converted - at_once, DELAYS[1] / (DELAYS[1] + DELAYS[2]))
    return n, (at_once, next_day, converted - at_once - next_day)


def known_on(day, n, late):
    """Return the sums until each day as they are known at the end of this one, by phase."""
    known = sum(
        np.where(np.arange(DAYS)[:, None] + delay <= day, part, 0)
        for delay, part in enumerate(late)
    )
    is_before = np.arange(DAYS) < CHANGE
    phase = np.stack([is_before, ~is_before], axis=-1)[:, :, None]
    return (
        (part[:, : day + 1, None] * phase[: day + 1]).swapaxes(0, 1).cumsum(axis=0).astype(float)
        for part in (n, known)
    )


def alarms_at_any_look(n, late, *, planned, shares, is_pooled=False):
    """Return how many runs are judged at the end of some day, with what is known then."""
    has_alarm = np.zeros(RUNS, dtype=bool)
    for day in range(DAYS):
        visitors, clicks = known_on(day, n, late)
        if is_pooled:
            visitors, clicks = (part.sum(axis=-2, keepdims=True) for part in (visitors, clicks))
        schedule = Schedule(
            planned_visitors=planned,
            alpha=0.05,
            shares=np.array(shares[:1] if is_pooled else shares),
            is_scheduled=np.ones(day + 1, dtype=bool),
        )
        found = compare_looks(Proportion(n=visitors, sum=clicks), schedule).comparisons
        has_alarm |= found.p_value[:, 0] <= 0.05
    return int(has_alarm.sum())


SHARES = ((0.9, 0.1), (0.5, 0.5))


@pytest.mark.slow
@pytest.mark.parametrize("daily", [1_000, 3_000])
def test_late_conversions_and_changed_shares_call_no_equal_arm(daily):
    n, late = cohorts(np.random.default_rng([61, daily]), daily, SHARES)
    alarms = alarms_at_any_look(n, late, planned=float(daily * DAYS), shares=SHARES)
    assert binomtest(alarms, RUNS, 0.05, "greater").pvalue > 0.001


@pytest.mark.slow
def test_pooled_sums_call_equal_arms():
    """The growing arm's visitors are younger: 14 % are judged, where phases keep alpha."""
    n, late = cohorts(np.random.default_rng([61, 3_000]), 3_000, SHARES)
    plan = {"planned": 3_000.0 * DAYS, "shares": SHARES}
    assert alarms_at_any_look(n, late, **plan, is_pooled=True) > 0.08 * RUNS


@pytest.mark.slow
def test_late_conversions_at_constant_shares_keep_alpha():
    shares = ((0.5, 0.5), (0.5, 0.5))
    n, late = cohorts(np.random.default_rng(62), 2_000, shares)
    alarms = alarms_at_any_look(n, late, planned=2_000.0 * DAYS, shares=shares)
    assert binomtest(alarms, RUNS, 0.05, "greater").pvalue > 0.001
