import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from experiments.stats.estimation.multiplicity import adjust_p_values
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, stack_arms
from experiments.stats.frequentist.fixed_horizon import compare_fixed
from experiments.stats.sequential.comparison import (
    compare_hybrid,
    compare_mixture,
    compare_sequential,
    has_few_clicks,
)

LOOKS, RUNS = 100, 2_000
GBSTATS = {
    "effect_interval": (-0.0019938576, 0.0179938576),
    "p_value": 0.2744390885,
}


def proportions(n, clicks):
    return Proportion(n=np.array(n, dtype=float), sum=np.array(clicks, dtype=float))


@pytest.mark.parametrize("compare", [compare_mixture, compare_sequential])
def test_sequence_matches_gbstats_after_the_plan(two_proportions, compare):
    row = compare(two_proportions, planned_n=5_000).rows()[0]
    assert row.effect_interval == pytest.approx(GBSTATS["effect_interval"], abs=5e-11)
    assert row.p_value == pytest.approx(GBSTATS["p_value"], rel=1e-9)


def test_sequence_of_means_matches_growthbook(two_means):
    # test_tests.py gives it on the absolute scale one-sided only; the half-width follows.
    row = compare_mixture(two_means, planned_n=5_000).rows()[0]
    time = two_means.n.sum() / 5_000
    x = time * (-2 * np.log(0.05) + np.log(-2 * np.log(0.05) + 1))
    width = np.sqrt(2 * (x + 1) / x * np.log(np.sqrt(x + 1) / 0.05))
    half = (row.effect_interval[1] - row.effect_interval[0]) / 2
    fixed = compare_fixed(two_means).rows()[0]
    error = (fixed.effect_interval[1] - fixed.effect_interval[0]) / 2 / 1.96036
    assert half / error == pytest.approx(width, rel=1e-4)


def test_plan_is_tighter_than_the_mixture_at_the_planned_end(two_proportions):
    plan = compare_sequential(two_proportions, planned_n=20_000).rows()[0]
    mixture = compare_mixture(two_proportions, planned_n=20_000).rows()[0]
    assert plan.p_value < mixture.p_value
    assert plan.effect_interval[0] > mixture.effect_interval[0]
    # 2.474 standard errors instead of 3.035 (2.465 with nothing kept for the exact looks).
    half = (plan.effect_interval[1] - plan.effect_interval[0]) / 2
    assert half / 0.0031958723 == pytest.approx(2.474, abs=5e-4)


@pytest.mark.parametrize(
    ("n", "clicks", "is_few"),
    [([100, 100], [20, 20], False), ([100, 100], [19, 20], True), ([100, 100], [20, 81], True)],
)
def test_few_clicks_counts_both_sides_of_both_arms(n, clicks, is_few):
    assert has_few_clicks(proportions(n, clicks)).tolist() == [is_few]


def test_few_clicks_are_compared_exactly():
    row = compare_sequential(proportions([2_000, 2_000], [0, 19]), planned_n=50_000).rows()[0]
    assert row.p_value < 0.01
    assert row.effect == pytest.approx(0.0095)
    assert row.effect_interval is None
    assert "fewer than 20" in row.reason
    assert "not distinguishable from 0" in row.lift_reason


def test_few_clicks_give_an_exact_interval_of_the_lift():
    row = compare_sequential(proportions([2_000, 2_000], [10, 15]), planned_n=50_000).rows()[0]
    assert row.lift == pytest.approx(0.5)
    assert row.lift_interval[0] < 0 < row.lift_interval[1]
    assert row.lift_reason is None


@pytest.mark.parametrize("clicks", [[0, 0], [30, 30], [18, 25]])
def test_few_visitors_who_mostly_click_give_no_number(clicks):
    row = compare_sequential(proportions([30, 30], clicks), planned_n=5_000).rows()[0]
    assert (row.p_value, row.effect_interval, row.lift_interval) == (None, None, None)
    assert row.reason


def test_exact_looks_use_the_configured_shares():
    arms = proportions([900, 100], [10, 5])
    equal = compare_sequential(arms, planned_n=5_000).rows()[0]
    unequal = compare_sequential(arms, planned_n=5_000, shares=np.array([0.9, 0.1])).rows()[0]
    assert unequal.lift_interval[0] > equal.lift_interval[0]


@pytest.mark.parametrize("shares", [[0.0, 1.0], [1.0, 0.0]])
def test_exact_looks_need_both_shares(shares):
    arms = proportions([900, 100], [10, 5])
    row = compare_sequential(arms, planned_n=5_000, shares=np.array(shares)).rows()[0]
    assert row.p_value is None


@pytest.mark.parametrize("shares", [[0.5, 0.25, 0.25], [1.5, -0.5]])
def test_shares_must_fit(two_proportions, shares):
    with pytest.raises(ValueError, match="shares must be 2 numbers of at least 0"):
        compare_sequential(two_proportions, shares=np.array(shares))


def test_few_visitors_of_a_mean_give_no_number():
    arms = Mean(n=np.array([99.0, 500]), sum=np.full(2, 50.0), sum_squares=np.full(2, 60.0))
    row = compare_sequential(arms).rows()[0]
    assert (row.p_value, row.effect_interval) == (None, None)
    assert "fewer than 100 visitors" in row.reason


@pytest.mark.parametrize("planned_n", [0, -1, float("nan"), float("inf")])
def test_planned_n_must_be_positive(two_proportions, planned_n):
    with pytest.raises(ValueError, match="planned_n must be positive"):
        compare_sequential(two_proportions, planned_n=planned_n)


def test_hybrid_shows_the_fixed_interval_at_the_end_only(two_proportions):
    running = compare_hybrid(two_proportions, planned_n=40_000, is_final=False).rows()[0]
    final = compare_hybrid(two_proportions, planned_n=20_000, is_final=True).rows()[0]
    fixed = compare_fixed(two_proportions, alpha=0.045).rows()[0]
    assert final.effect_interval == fixed.effect_interval
    assert final.p_value == pytest.approx(fixed.p_value / 0.9)
    # 4 Q(c) = 0.005 at c = 3.023, over the root of half the time.
    half = (running.effect_interval[1] - running.effect_interval[0]) / 2
    assert half / 0.0031958723 == pytest.approx(3.0233 * np.sqrt(2), rel=1e-4)


def test_hybrid_is_silent_after_the_plan_without_its_final_look(two_proportions):
    row = compare_hybrid(two_proportions, planned_n=19_999, is_final=False).rows()[0]
    assert row.p_value is None
    assert "planned visitors have come" in row.reason


clicks_of = st.integers(40, 10**6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(clicks_of, clicks_of, st.integers(1, 10**7), st.floats(0.001, 0.3))
def test_interval_and_p_value_give_one_verdict(first, second, planned_n, alpha):
    arms = stack_arms([Proportion(n=n, sum=s) for n, s in (first, second)])
    for compare in (compare_sequential, compare_mixture):
        row = compare(arms, planned_n=planned_n, alpha=alpha).rows()[0]
        if row.p_value is None or abs(row.p_value - alpha) < 1e-6:
            continue
        for low, high in filter(None, (row.effect_interval, row.lift_interval)):
            assert (low > 0 or high < 0) == (row.p_value < alpha)


@given(clicks_of, clicks_of)
def test_sequence_is_never_narrower_than_the_fixed_interval(first, second):
    arms = stack_arms([Proportion(n=n, sum=s) for n, s in (first, second)])
    fixed, row = compare_fixed(arms).rows()[0], compare_sequential(arms).rows()[0]
    if row.effect_interval is not None:
        assert row.effect_interval[0] <= fixed.effect_interval[0]
        assert row.effect_interval[1] >= fixed.effect_interval[1]


def null_clicks(rng, rate, batch, arms):
    clicks = rng.binomial(batch, rate, (RUNS, LOOKS, arms)).cumsum(axis=1).astype(float)
    visitors = np.broadcast_to(np.arange(1.0, LOOKS + 1)[:, None] * batch, clicks.shape)
    return Proportion(n=visitors, sum=clicks)


def null_revenue(rng, batch, arms):
    """3 % of the visitors buy for a log-normal amount whose top 1 % holds a fifth of it."""
    sums, squares = np.zeros((2, 500, LOOKS, arms))
    for run in range(500):
        buyers = rng.binomial(batch, 0.03, LOOKS * arms)
        amounts = rng.lognormal(0, 1.5, buyers.sum())
        cell = np.repeat(np.arange(LOOKS * arms), buyers)
        sums[run] = np.bincount(cell, amounts, LOOKS * arms).reshape(LOOKS, arms)
        squares[run] = np.bincount(cell, amounts**2, LOOKS * arms).reshape(LOOKS, arms)
    visitors = np.broadcast_to(np.arange(1.0, LOOKS + 1)[:, None] * batch, sums.shape)
    return Mean(n=visitors, sum=sums.cumsum(axis=1), sum_squares=squares.cumsum(axis=1))


def any_look_alarms(p_values):
    return int((adjust_p_values(p_values, "holm") <= 0.05).any(axis=(1, 2)).sum())


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 5])
@pytest.mark.parametrize(
    ("rate", "batch"), [(0.002, 1_000), (0.02, 100), (0.2, 10)], ids=["0.2 %", "2 %", "20 %"]
)
def test_looking_after_every_batch_keeps_alpha_where_the_fixed_test_does_not(rate, batch, arms):
    rng = np.random.default_rng([16, arms, batch])
    looks = null_clicks(rng, rate, batch, arms)
    for planned in (0.3, 1.0):
        p_values = compare_sequential(looks, planned_n=2 * batch * LOOKS * planned).p_value
        alarms = any_look_alarms(p_values)
        assert binomtest(alarms, RUNS, 0.05, "greater").pvalue > 0.001
    # The same looks at the fixed test: the simulation can tell the two apart.
    assert any_look_alarms(compare_fixed(looks).p_value) > 0.25 * RUNS


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 5])
def test_heavy_tailed_revenue_keeps_alpha_at_every_look(arms):
    rng = np.random.default_rng([17, arms])
    looks = null_revenue(rng, 100, arms)
    p_values = compare_sequential(looks, planned_n=200 * LOOKS).p_value
    assert binomtest(any_look_alarms(p_values), 500, 0.05, "greater").pvalue > 0.001
    assert any_look_alarms(compare_fixed(looks).p_value) > 0.12 * 500


@pytest.mark.slow
def test_hybrid_keeps_alpha_over_all_its_looks():
    rng = np.random.default_rng(18)
    looks = null_clicks(rng, 0.05, 100, 2)
    running = compare_hybrid(looks, planned_n=200 * LOOKS, is_final=False).p_value[:, :-1]
    final = compare_hybrid(looks, planned_n=200 * LOOKS, is_final=True).p_value[:, -1:]
    alarms = any_look_alarms(np.concatenate([running, final], axis=1))
    assert binomtest(alarms, RUNS, 0.05, "greater").pvalue > 0.001
    assert alarms > 0.025 * RUNS


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.005, 0.05, 0.2])
def test_intervals_cover_the_effect_and_the_lift_at_every_look(rate):
    rng = np.random.default_rng([19, int(rate * 1000)])
    lift, batch = 0.2, 200
    clicks = rng.binomial(batch, [rate, rate * (1 + lift)], (RUNS, LOOKS, 2)).cumsum(axis=1)
    visitors = np.broadcast_to(np.arange(1.0, LOOKS + 1)[:, None] * batch, clicks.shape)
    result = compare_sequential(
        Proportion(n=visitors, sum=clicks.astype(float)), planned_n=2 * batch * LOOKS / 2
    )
    for low, high, truth in (
        (result.effect_low, result.effect_high, lift * rate),
        (result.lift_low, result.lift_high, lift),
    ):
        missed = int(((low > truth) | (high < truth)).any(axis=(1, 2)).sum())
        assert binomtest(missed, RUNS, 0.05, "greater").pvalue > 0.001
