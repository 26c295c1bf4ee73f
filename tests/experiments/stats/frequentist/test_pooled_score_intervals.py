import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep

from experiments.stats.estimation.sufficient_statistics import Proportion, stack_arms
from experiments.stats.frequentist.fixed_horizon import compare_fixed
from experiments.stats.frequentist.pooled_score_intervals import score_effect_ends, score_lift_ends
from experiments.stats.frequentist.small_sample_intervals import (
    score_effect_interval,
    score_lift_interval,
)

Z = np.array(norm.isf(0.025))
small = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
large = st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def arrays(*counts):
    return [tuple(np.array(float(part)) for part in pair) for pair in counts]


def ends_of(function, control, arm):
    return [float(end) for end in function(*arrays(control, arm), Z)]


def uncorrected(pair):
    """z of the scalar functions' alpha once their factor N/(N - 1) is taken out."""
    n = sum(n for _, n in pair)
    return np.array(norm.isf(0.025) * np.sqrt(n / (n - 1)))


@given(small, small)
@example((3, 3), (1, 3))
@example((0, 5), (5, 5))
def test_effect_ends_match_the_scalar_search(control, arm):
    assume(0 < control[0] + arm[0] < control[1] + arm[1])
    ends = score_effect_ends(*arrays(control, arm), uncorrected((control, arm)))
    expected = score_effect_interval(control, arm)
    assert [float(end) for end in ends] == pytest.approx(expected, abs=1e-7)


@given(small, small)
@example((3, 3), (1, 3))
def test_lift_ends_match_the_scalar_search(control, arm):
    assume(0 < control[0] < control[1] and arm[0] < arm[1])
    ends = score_lift_ends(*arrays(control, arm), uncorrected((control, arm)))
    expected = score_lift_interval(control, arm)
    assert [float(end) for end in ends] == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_lift_ends_match_statsmodels():
    ends = score_lift_ends(*arrays((500, 10_000), (580, 10_000)), Z)
    expected = confint_proportions_2indep(
        580, 10_000, 500, 10_000, compare="ratio", method="score", correction=False
    )
    assert np.array(ends) + 1 == pytest.approx(expected, rel=1e-9)


def test_an_observed_rate_of_one_has_both_ends():
    low, high = ends_of(score_lift_ends, (20, 20), (18, 20))
    # R = pB / pA with pA = 1 at the low end: the effect's low end too.
    assert low == pytest.approx(ends_of(score_effect_ends, (20, 20), (18, 20))[0])
    assert high > 0
    mirrored = ends_of(score_lift_ends, (18, 20), (20, 20))
    assert [1 / (1 + end) - 1 for end in mirrored[::-1]] == pytest.approx([low, high], rel=1e-9)


def test_lift_is_unbounded_without_a_click_of_the_control():
    low, high = score_lift_ends(*arrays((0, 20), (3, 20)), Z)
    assert low == pytest.approx(-0.15064404, abs=1e-8)
    assert np.isinf(high)


@given(large, large, st.floats(1e-6, 0.9))
def test_score_intervals_hold_what_the_pooled_test_does_not_reject(control, arm, alpha):
    arms = stack_arms([Proportion(n=n, sum=s) for s, n in (control, arm)])
    row = compare_fixed(arms, alpha=alpha, test="pooled_z").rows()[0]
    assume(row.p_value is not None and abs(row.p_value / alpha - 1) > 1e-6)
    for low, high in filter(None, (row.effect_interval, row.lift_interval)):
        assert (low > 0 or high < 0) == (row.p_value < alpha)
        assert low <= high


@given(large, large)
def test_swapping_the_arms_mirrors_the_ends(control, arm):
    assume(control[0] > 0 and arm[0] > 0)
    assume(control[0] + arm[0] < control[1] + arm[1])
    effect = ends_of(score_effect_ends, control, arm)
    other = ends_of(score_effect_ends, arm, control)
    assert [-end for end in effect[::-1]] == pytest.approx(other, rel=1e-6, abs=1e-12)
    lift, other = ends_of(score_lift_ends, control, arm), ends_of(score_lift_ends, arm, control)
    assert [1 / (1 + end) - 1 for end in lift[::-1]] == pytest.approx(other, rel=1e-5, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "visitors"), [(0.005, (1_000, 1_000)), (0.01, (4_000, 500))])
def test_score_intervals_cover_at_low_and_unequal_counts(rate, visitors):
    rng = np.random.default_rng([22, *visitors])
    runs, lift = 20_000, 0.3
    clicks = rng.binomial(visitors, [rate, rate * (1 + lift)], (runs, 2)).astype(float)
    n = np.broadcast_to(np.array(visitors, dtype=float), clicks.shape)
    result = compare_fixed(Proportion(n=n, sum=clicks), test="pooled_z")
    for low, high, truth, reason in (
        (result.effect_low, result.effect_high, rate * lift, result.reason),
        (result.lift_low, result.lift_high, lift, result.lift_reason),
    ):
        missed = ((low > truth) | (high < truth))[reason == 0].mean()
        assert missed == pytest.approx(0.05, abs=0.012)
