import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm

from experiments.stats.estimation.multiplicity import adjust_p_values
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, stack_arms
from experiments.stats.frequentist.fixed_horizon import compare_fixed
from experiments.stats.sequential.boundaries import mixture_multiplier, mixture_p_value
from experiments.stats.sequential.comparison import (
    EXACT_RESERVE,
    Plan,
    compare_sequential,
    look_at,
)
from experiments.stats.sequential.plan_boundary import Stage, plan_multiplier, stages_of

LOOKS, RUNS = 100, 2_000


def proportions(n, clicks):
    return Proportion(n=np.array(n, dtype=float), sum=np.array(clicks, dtype=float))


def test_mixture_after_the_plan_has_a_tenth_of_alpha(two_proportions):
    # 20,000 visitors of 5,000 planned: the mixture of GrowthBook at half the time.
    row = compare_sequential(two_proportions, planned_n=5_000).rows()[0]
    # Two thirds of the variance are that of both arms, with Bessel's correction.
    p = np.array([0.05, 0.058])
    both, own = 2 * 0.054 * 0.946 / 19_999 * 2, (p * (1 - p)).sum() / 9_999
    se = np.sqrt(2 / 3 * both + own / 3)
    width = mixture_multiplier(np.array(2.0), level=0.005, alpha=0.005) * se
    assert row.effect_interval == pytest.approx((0.008 - width, 0.008 + width), rel=1e-6)
    p_value = mixture_p_value(np.array(0.008 / se), np.array(2.0), alpha=0.005)
    assert row.p_value == pytest.approx(float(min(p_value * 10, 1)), rel=1e-6)


@pytest.mark.parametrize(
    ("planned_n", "stage"),
    [(20_001, Stage.RUNNING), (20_000, Stage.END), (18_300, Stage.END), (18_000, Stage.PAST)],
)
def test_single_look_near_the_end_is_the_end(two_proportions, planned_n, stage):
    assumed = compare_sequential(two_proportions, planned_n=planned_n).p_value
    stated = compare_sequential(two_proportions, planned_n=planned_n, stage=stage).p_value
    assert assumed == stated


def test_one_visitor_more_than_planned_changes_next_to_nothing():
    """The audit's 500 and 580 of 10,000: p jumped from 0.047 to 0.185 with one visitor more."""
    p_values = [
        compare_sequential(proportions([n, 10_000], [500, 580]), planned_n=20_000).p_value[0]
        for n in (10_000, 10_001)
    ]
    assert p_values[1] == pytest.approx(p_values[0], rel=0.02)
    assert p_values[0] < 0.02


def test_tails_of_a_small_arm_are_those_of_its_level():
    """With 60 clicks expected; with its own variance it looked worse 1.4 times too often."""
    clicks = np.arange(20, 200)
    n, control = np.broadcast_arrays([990_000.0, 10_000.0], np.zeros((clicks.size, 2)))[0], 5_940.0
    sums = np.column_stack([np.full(clicks.size, control), clicks])
    found = compare_sequential(proportions(n, sums), planned_n=1_000_000, stage=Stage.END)
    critical = plan_multiplier(
        np.array(1.0), level=0.05, alpha=0.05, stage=Stage.END, reserve=EXACT_RESERVE
    )
    chance = binom.pmf(clicks, 10_000, 0.006)
    for sign in (-1, 1):
        tail = chance[(found.p_value[:, 0] <= 0.05) & (sign * found.effect[:, 0] > 0)].sum()
        assert 0.75 < tail / norm.sf(critical) < 1.2


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


clicks_of = st.integers(40, 10**6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(clicks_of, clicks_of, st.integers(1, 10**7), st.floats(0.001, 0.3))
def test_interval_and_p_value_give_one_verdict(first, second, planned_n, alpha):
    arms = stack_arms([Proportion(n=n, sum=s) for n, s in (first, second)])
    for stage in Stage:
        row = compare_sequential(arms, planned_n=planned_n, alpha=alpha, stage=stage).rows()[0]
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


def plan_looks(looks, planned_n, shares=None):
    """Return the p-values of looks, `(RUNS, LOOKS, K - 1)`, each a look of the schedule."""
    stage = lambda time: np.moveaxis(  # noqa: E731
        stages_of(np.moveaxis(time, 1, 0), np.full(LOOKS, True)), 0, 1
    )
    return look_at(looks, Plan(planned_n=planned_n, shares=shares), stage=stage).comparisons.p_value


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
        p_values = plan_looks(looks, 2 * batch * LOOKS * planned)
        alarms = any_look_alarms(p_values)
        assert binomtest(alarms, RUNS, 0.05, "greater").pvalue > 0.001
    # The same looks at the fixed test: the simulation can tell the two apart.
    assert any_look_alarms(compare_fixed(looks).p_value) > 0.25 * RUNS


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 5])
def test_heavy_tailed_revenue_keeps_alpha_at_every_look(arms):
    rng = np.random.default_rng([17, arms])
    looks = null_revenue(rng, 100, arms)
    p_values = plan_looks(looks, 200 * LOOKS)
    assert binomtest(any_look_alarms(p_values), 500, 0.05, "greater").pvalue > 0.001
    assert any_look_alarms(compare_fixed(looks).p_value) > 0.12 * 500


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
