"""Guarantees of values per click and of conversions per visitor: simulated visitors, 28 days."""

import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.stats.estimation.sufficient_statistics import Mean, Ratio
from experiments.stats.frequentist.fixed_horizon import compare_fixed, compare_fixed_within_phases
from experiments.stats.frequentist.omnibus import cochran_mantel_haenszel
from experiments.stats.sequential.looks import Schedule, compare_looks

DAYS, ALPHA, EQUAL = 28, 0.05, np.array([[0.5, 0.5]])
METRICS = ("value_per_click", "conversions_per_visitor")
# A visitor's value counts up to 300, about the 99th percentile of those above 0.
CAP, CAPPED = 300.0, "capped_value_per_visitor"


def visitors(rng, shape, *, lift=0.0, drift=1.0):
    """Clicks, orders and values: heavy-tailed, several of a visitor, related to each other."""
    clicks, orders, values = np.zeros((3, *shape))
    is_clicking = rng.random(shape) < 0.1
    n = np.count_nonzero(is_clicking)
    clicks[is_clicking] = rng.geometric(0.6, n)
    # The habits of visitors: the orders of those who click are overdispersed.
    orders[is_clicking] = rng.poisson(0.3 * rng.gamma(1.0, 1.0, n) * drift)
    orders[~is_clicking] = rng.random(orders.size - n) < 0.005
    is_buying = orders > 0
    amounts = rng.lognormal(3, 1, np.count_nonzero(is_buying))
    values[is_buying] = orders[is_buying] * amounts * drift * (1 + lift)
    return clicks, orders, values


def sums_of(metric, n, drawn):
    """The sums over the last axis of the draws; `n` as many as there are."""
    clicks, orders, values = drawn
    if metric != "value_per_click":
        each = np.minimum(values, CAP) if metric == CAPPED else orders
        return Mean(n=n, sum=each.sum(axis=-1), sum_squares=(each**2).sum(axis=-1))
    return Ratio(
        n=n,
        numerator_sum=values.sum(axis=-1),
        numerator_sum_squares=(values**2).sum(axis=-1),
        denominator_sum=clicks.sum(axis=-1),
        denominator_sum_squares=(clicks**2).sum(axis=-1),
        product_sum=(clicks * values).sum(axis=-1),
    )


def until_each_day(daily):
    names = [name for name in daily.__dataclass_fields__ if getattr(daily, name) is not None]
    return type(daily)(**{name: getattr(daily, name).cumsum(axis=0) for name in names})


def is_at_most(hits, trials, rate):
    """One-sided binomial test: hits are not more than a rate allows, at 0.1 %."""
    return binomtest(hits, trials, rate, alternative="greater").pvalue > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("metric", [*METRICS, CAPPED])
@pytest.mark.parametrize("a_day", [100, 400])
def test_equal_arms_alarm_in_at_most_alpha_of_the_experiments(metric, a_day):
    rng = np.random.default_rng(20_261_128)
    schedule = Schedule(
        planned_visitors=2 * a_day * DAYS,
        alpha=ALPHA,
        shares=EQUAL,
        is_scheduled=np.ones(DAYS, dtype=bool),
    )
    hits, trials = 0, 0
    for _ in range(4):
        shape = (DAYS, 250, 1, 2)
        daily = sums_of(metric, np.full(shape, float(a_day)), visitors(rng, (*shape, a_day)))
        p_values = compare_looks(until_each_day(daily), schedule).comparisons.p_value
        hits += int((p_values <= ALPHA).sum())
        trials += p_values.size
    assert trials == 1_000
    assert is_at_most(hits, trials, ALPHA)


@pytest.mark.slow
@pytest.mark.parametrize("metric", [*METRICS, CAPPED])
def test_changed_shares_give_equal_arms_no_verdict(metric):
    """From 90/10 to 50/50 while what a visitor brings falls by half; pooled sums see a winner."""
    rng = np.random.default_rng(7)
    trials, n = 600, np.array([[1_800.0, 200.0], [1_000.0, 1_000.0]])
    drawn = [
        [visitors(rng, (trials, int(size)), drift=drift) for size in row]
        for row, drift in zip(n, (1.0, 0.5), strict=True)
    ]
    strata = [
        [sums_of(metric, np.full(trials, float(len(cell[0][0]))), cell) for cell in row]
        for row in drawn
    ]
    kind = type(strata[0][0])
    names = [name for name in kind.__dataclass_fields__ if getattr(strata[0][0], name) is not None]
    within = kind(
        **{
            name: np.stack([np.stack([getattr(c, name) for c in row], -1) for row in strata], -2)
            for name in names
        }
    )
    pooled = kind(**{name: getattr(within, name).sum(axis=-2) for name in names})
    inside = compare_fixed_within_phases(within, alpha=ALPHA).p_value[..., 0]
    assert is_at_most(int((inside <= ALPHA).sum()), trials, ALPHA)
    everybody = compare_fixed(pooled, alpha=ALPHA).p_value[..., 0]
    assert not is_at_most(int((everybody <= ALPHA).sum()), trials, ALPHA)
    ones = [kind(**{name: getattr(within, name)[i] for name in names}) for i in range(trials)]
    tests = np.array([cochran_mantel_haenszel(one).p_value for one in ones])
    assert is_at_most(int((tests <= ALPHA).sum()), trials, ALPHA)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("lift", [0.0, 0.3])
def test_interval_of_the_lift_holds_the_truth(metric, lift):
    """For conversions the lift is one of values, which they do not show: none is true of them."""
    rng = np.random.default_rng(11)
    trials, n = 600, 3_000
    arms = [visitors(rng, (trials, n)), visitors(rng, (trials, n), lift=lift)]
    drawn = [np.stack(pair, axis=1) for pair in zip(*arms, strict=True)]
    rows = compare_fixed(sums_of(metric, np.full((trials, 2), float(n)), drawn), alpha=ALPHA)
    truth = lift if metric == "value_per_click" else 0.0
    missed = (rows.lift_low[:, 0] > truth) | (rows.lift_high[:, 0] < truth)
    assert is_at_most(int(missed.sum()), trials, ALPHA)
    assert missed.sum() > 5  # An interval that holds everything tells nothing.
