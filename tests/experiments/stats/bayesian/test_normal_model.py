import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from experiments.stats.bayesian.normal_model import (
    NormalMixture,
    Scale,
    chance_to_win,
    compare_normal,
    expected_loss,
    posterior,
)
from experiments.stats.bayesian.priors import FlatPrior, NormalPrior

PRIORS = (FlatPrior(), NormalPrior(mean=0.02, sd=0.3))
LIFT, SE = 0.16, 0.0688627621  # 500 of 10,000 against 580 of 10,000, delta method

finite = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)


def test_flat_prior_matches_gbstats():
    # gbstats 0.8.0, EffectBayesianABTest, relative, 500/10000 v 580/10000.
    result = compare_normal(LIFT, SE)
    # The notes print .9899228824; Phi(.16 / .0688627621) is .9899228224 (two digits swapped).
    assert result.chance_to_win == pytest.approx(0.9899228224, abs=1e-9)
    assert result.expected_loss_control == pytest.approx(0.1602353478, abs=1e-9)
    assert result.expected_loss == pytest.approx(0.0002353478, abs=1e-9)


def test_normal_prior_matches_gbstats():
    result = compare_normal(LIFT, SE, prior=NormalPrior(sd=0.3))
    assert result.estimate == pytest.approx(0.1519915966, abs=1e-9)
    assert result.interval == pytest.approx((0.0204441791, 0.2835390140), abs=1e-9)
    assert result.chance_to_win == pytest.approx(0.9882303948, abs=1e-9)


def test_small_means_match_growthbook_test_values():
    # GrowthBook test_tests.py: n 10, S 100, Q 1002.25 against S 105, Q 1111.5.
    variance_a, variance_b = (1002.25 - 1000) / 9, (1111.5 - 1102.5) / 9
    lift = 0.05
    se = math.sqrt(variance_b / (10 * 10**2) + variance_a * 10.5**2 / (10 * 10**4))
    assert compare_normal(lift, se).chance_to_win == pytest.approx(0.91923, abs=5e-6)
    informed = compare_normal(lift, se, prior=NormalPrior(mean=0.1, sd=math.sqrt(0.1)))
    assert informed.estimate == pytest.approx(0.05063, abs=5e-6)
    assert informed.interval == pytest.approx((-0.01893, 0.12019), abs=5e-6)
    assert informed.chance_to_win == pytest.approx(0.92315, abs=5e-6)


def test_flagsmith_case_matches():
    # Flagsmith test_stats.py: 100/1000 against 120/1000, variances with n - 1.
    se = math.sqrt(0.12 * 0.88 / 999 / 0.01 + 0.1 * 0.9 * 0.12**2 / (999 * 0.1**4))
    result = compare_normal(0.2, se)
    assert result.interval == pytest.approx((-0.10074, 0.50074), abs=5e-6)
    assert result.chance_to_win == pytest.approx(0.90379, abs=5e-6)


def test_losses_match_gbstats():
    assert expected_loss(-0.1, 0.05) == pytest.approx(0.1004245351308, rel=1e-12)
    assert expected_loss(0.1, 0.05) == pytest.approx(0.0004245351308, rel=1e-9)


def test_expected_loss_keeps_its_digits_in_the_tail():
    # phi(30) - 30 Phi(-30) in 50-digit arithmetic (mpmath 1.3).
    assert expected_loss(30.0, 1.0) == pytest.approx(1.63195673409140119e-199, rel=1e-11)
    assert expected_loss([50.0, -50.0], 1.0) == pytest.approx([0.0, 50.0])


@pytest.mark.parametrize(("estimate", "se", "sd"), [(0.16, 0.0689, 0.2), (1.5, 0.2, 0.1)])
def test_posterior_under_a_normal_prior_equals_quadrature(estimate, se, sd):
    belief = posterior(estimate, se, NormalPrior(mean=0.02, sd=sd))

    def integral(weight, low=-4.0, high=6.0):
        def density(x):
            return weight(x) * stats.norm.pdf(estimate, x, se) * stats.norm.pdf(x, 0.02, sd)

        points = sorted({min(max(x, low), high) for x in (0.0, 0.02, belief.mean, estimate)})
        return integrate.quad(density, low, high, points=points, epsabs=0, epsrel=1e-10)[0]

    total = integral(lambda x: 1.0)
    assert belief.mean == pytest.approx(integral(lambda x: x) / total, rel=1e-8)
    assert belief.chance_above(0) == pytest.approx(integral(lambda x: 1.0, low=0) / total, rel=1e-8)
    loss = integral(lambda x: -x, high=0) / total
    assert belief.expected_losses()[0] == pytest.approx(loss, rel=1e-7)


def test_chances_of_a_mixture_are_at_most_one():
    # These weights sum to 1.0000000000000002.
    weights = np.array([0.1, 0.7, 0.2]) + np.array([0.0, 0.0, 2e-16])
    assert weights.sum() > 1
    mixture = NormalMixture(weights=weights, means=np.zeros(3), sds=np.ones(3))
    assert max(mixture.chance_above(-99.0), mixture.chance_below(99.0)) <= 1


def test_mixture_moments_and_quantiles_agree_with_draws():
    mixture = NormalMixture(
        weights=np.array([0.3, 0.7, 0.0]),
        means=np.array([-1.0, 2.0, 99.0]),
        sds=np.array([0.5, 1.0, 1.0]),
    )
    assert mixture.mean == pytest.approx(1.1)
    assert mixture.sd == pytest.approx(math.sqrt(0.3 * (0.25 + 2.1**2) + 0.7 * (1 + 0.9**2)))
    low, high = mixture.interval(0.9)
    assert mixture.chance_below(low) == pytest.approx(0.05, rel=1e-10)
    assert mixture.chance_above(high) == pytest.approx(0.05, rel=1e-10)


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.label)
def test_result_names_prior_source_scale_and_level(prior):
    result = compare_normal(0.1, 0.05, prior=prior, level=0.9, scale=Scale.EFFECT)
    assert (result.prior, result.prior_source) == (prior.label, prior.source)
    assert (result.scale, result.level, result.model) == (Scale.EFFECT, 0.9, "normal")
    assert result.reason is None


def test_zero_variance_gives_none_with_the_reason():
    result = compare_normal(0.1, 0.0)
    assert result.reason == "The standard error is 0, so nothing is known of the uncertainty."
    assert result.chance_to_win is None
    assert result.interval is None


@pytest.mark.parametrize("estimate", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("se", [1.0, 0.0])
def test_comparison_refuses_an_estimate_that_is_not_finite(estimate, se):
    with pytest.raises(ValueError, match="estimate must be finite"):
        compare_normal(estimate, se)


@pytest.mark.parametrize("se", [-1.0, math.nan, math.inf])
def test_comparison_refuses_a_bad_standard_error(se):
    with pytest.raises(ValueError, match="standard error must be positive"):
        compare_normal(0.1, se)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, math.nan])
def test_comparison_refuses_a_level_outside_the_unit_interval(level):
    with pytest.raises(ValueError, match="level must be in"):
        compare_normal(0.1, 0.1, level=level)


def test_array_functions_broadcast_and_refuse_one_bad_element():
    chances = chance_to_win(np.array([[-1.0], [1.0]]), np.array([1.0, 2.0]))
    assert chances == pytest.approx(stats.norm.cdf([[-1, -0.5], [1, 0.5]]))
    with pytest.raises(ValueError, match="estimate must be finite"):
        chance_to_win([0.1, math.nan], 1.0)
    with pytest.raises(ValueError, match="standard error must be positive"):
        expected_loss([0.1, 0.2], [1.0, 0.0])


@settings(max_examples=30)
@given(estimate=finite, se=positive, prior=st.sampled_from(PRIORS))
def test_every_answer_is_finite_and_coherent(estimate, se, prior):
    result = compare_normal(estimate, se, prior=prior)
    assert 0 <= result.chance_to_win <= 1
    assert min(result.expected_loss, result.expected_loss_control) >= 0
    low, high = result.interval
    assert all(map(math.isfinite, (low, high, result.estimate, result.expected_loss)))
    assert low <= high
    # What shipping can lose and can gain differ by the expected lift.
    gain = result.expected_loss_control - result.expected_loss
    assert gain == pytest.approx(result.estimate, rel=1e-9, abs=1e-9 * se)


@settings(max_examples=30)
@given(estimate=finite, se=positive, spread=positive)
def test_swapping_the_arms_mirrors_the_answer(estimate, se, spread):
    for prior in (FlatPrior(), NormalPrior(sd=spread)):
        ahead, behind = (compare_normal(x, se, prior=prior) for x in (estimate, -estimate))
        assert ahead.chance_to_win == pytest.approx(1 - behind.chance_to_win, abs=1e-12)
        assert ahead.expected_loss == pytest.approx(behind.expected_loss_control, rel=1e-9)
        assert ahead.interval[0] == pytest.approx(-behind.interval[1], rel=1e-9, abs=1e-9 * se)


@settings(max_examples=30)
@given(estimate=st.floats(-10, 10), se=st.floats(0.01, 10), factor=st.floats(0.001, 1000))
def test_scaling_estimate_and_prior_scales_the_answer(estimate, se, factor):
    for prior in PRIORS:
        one = compare_normal(estimate, se, prior=prior)
        many = compare_normal(estimate * factor, se * factor, prior=prior.scaled(factor))
        assert many.chance_to_win == pytest.approx(one.chance_to_win, rel=1e-9, abs=1e-12)
        assert many.estimate == pytest.approx(factor * one.estimate, rel=1e-9, abs=1e-9 * factor)


@settings(max_examples=30)
@given(estimate=st.floats(-5, 5), step=st.floats(0.01, 5), se=st.floats(0.01, 10))
def test_a_larger_estimate_never_lowers_the_chance(estimate, step, se):
    for prior in (FlatPrior(), NormalPrior(sd=0.3)):
        less, more = (compare_normal(x, se, prior=prior) for x in (estimate, estimate + step))
        assert more.chance_to_win >= less.chance_to_win
        assert more.expected_loss <= less.expected_loss


@pytest.mark.slow
def test_credible_intervals_cover_at_their_level_under_the_prior():
    rng = np.random.default_rng(20261122)
    n_tests, level, prior = 4_000, 0.9, PRIORS[1]
    truth = rng.normal(prior.mean, prior.sd, n_tests)
    se = rng.uniform(0.05, 0.5, n_tests)
    estimates = rng.normal(truth, se)
    rows = [
        compare_normal(e, s, prior=prior, level=level) for e, s in zip(estimates, se, strict=True)
    ]
    hits = sum(row.interval[0] <= x <= row.interval[1] for row, x in zip(rows, truth, strict=True))
    assert stats.binomtest(hits, n_tests, level).pvalue > 0.001
    chances = np.array([row.chance_to_win for row in rows])
    # Calibration: the mean chance equals the share of arms which are truly better.
    assert chances.mean() == pytest.approx((truth > 0).mean(), abs=4 * 0.5 / math.sqrt(n_tests))
