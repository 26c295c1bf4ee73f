import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.bayesian.normal_model import posterior
from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.meta_analysis.empirical_bayes import FLOOR, fit_prior
from experiments.stats.meta_analysis.heterogeneity import likeliest_spread, spread_interval


def archive(n_tests, spread, *, seed=20261122):
    """Return observed lifts, standard errors and true lifts of a site's finished tests."""
    rng = np.random.default_rng(seed)
    ses = rng.uniform(0.03, 0.12, n_tests)
    truth = spread * rng.normal(size=n_tests)
    return rng.normal(truth, ses), ses, truth


def test_fit_recovers_the_spread_of_true_lifts():
    lifts, ses, _ = archive(400, 0.1)
    fit = fit_prior(lifts, ses)
    assert fit.prior.sd == pytest.approx(0.1, abs=0.015)
    assert fit.prior.mean == 0
    assert fit.prior.source == "empirical Bayes, 400 tests"
    assert fit.reason is None
    assert fit.spread_interval[0] < 0.1 < fit.spread_interval[1]
    assert fit.heterogeneity_p_value < 1e-6
    expected = stats.norm.logpdf(lifts, 0, np.hypot(ses, fit.spread)).sum()
    assert fit.log_likelihood == pytest.approx(expected)


def test_too_few_tests_give_no_prior_but_a_reason():
    lifts, ses, _ = archive(FLOOR - 1, 0.1)
    fit = fit_prior(lifts, ses)
    assert (fit.prior, fit.n_tests) == (None, FLOOR - 1)
    assert fit.reason == "19 finished tests; at least 20 are needed to see how lifts vary."
    assert fit_prior([], []).prior is None


def test_arms_of_one_test_do_not_count_as_tests():
    lifts, ses, _ = archive(60, 0.1)
    fit = fit_prior(lifts, ses, tests=[index // 4 for index in range(60)])
    assert (fit.prior, fit.n_tests, fit.n_effects) == (None, 15, 60)
    assert fit_prior(lifts, ses, tests=[index // 3 for index in range(60)]).n_tests == 20


def test_no_visible_spread_takes_the_upper_end_of_its_interval():
    lifts, ses, _ = archive(30, 0.0)
    fit = fit_prior(lifts * 0.9, ses)
    assert likeliest_spread(lifts * 0.9, ses, mean=0.0) == 0
    assert fit.prior.sd == spread_interval(lifts * 0.9, ses, mean=0.0)[1] > 0
    assert "upper end of its interval" in fit.reason


def test_lifts_too_alike_for_their_errors_give_no_prior():
    fit = fit_prior(np.zeros(30), np.ones(30))
    assert fit.prior is None
    assert "check those" in fit.reason


@pytest.mark.parametrize(
    ("effects", "ses", "options", "message"),
    [
        ([0.1], [0.1, 0.2], {}, "must have one length"),
        ([[0.1]], [[0.1]], {}, "must have one length"),
        ([math.nan], [0.1], {}, "effects must be finite"),
        ([0.1], [0.0], {}, "ses must be positive"),
        ([0.1], [math.inf], {}, "ses must be positive"),
        ([0.1], [0.1], {"tests": ["a", "b"]}, "tests must have one entry"),
    ],
)
def test_fit_refuses_bad_input(effects, ses, options, message):
    with pytest.raises(ValueError, match=message):
        fit_prior(effects, ses, **options)


@settings(max_examples=30)
@given(factor=st.floats(1e-6, 1e6), seed=st.integers(0, 100))
def test_fit_scales_and_mirrors_with_the_lifts(factor, seed):
    lifts, ses, _ = archive(40, 0.1, seed=seed)
    one, scaled = fit_prior(lifts, ses), fit_prior(-lifts * factor, ses * factor)
    assert scaled.prior.sd == pytest.approx(one.prior.sd * factor, rel=1e-3)


@settings(max_examples=30)
@given(
    lifts=st.lists(st.floats(-1e50, 1e50), min_size=20, max_size=25),
    ses=st.lists(st.floats(1e-40, 1e50), min_size=25, max_size=25),
)
def test_any_finite_archive_gives_a_finite_prior_or_a_reason(lifts, ses):
    fit = fit_prior(lifts, ses[: len(lifts)])
    if fit.prior is None:
        assert fit.reason
    else:
        assert isinstance(fit.prior, NormalPrior)
        assert 0 < fit.prior.sd < math.inf


@pytest.mark.slow
def test_fitted_prior_makes_winners_honest_and_intervals_cover():
    lifts, ses, truth = archive(6_000, 0.08)
    prior = fit_prior(lifts[:200], ses[:200]).prior
    new = slice(200, None)
    beliefs = [posterior(y, s, prior) for y, s in zip(lifts[new], ses[new], strict=True)]
    means = np.array([belief.mean for belief in beliefs])
    winners = lifts[new] / ses[new] > 1.96
    raw_excess = np.mean(lifts[new][winners] - truth[new][winners])
    shrunken_excess = np.mean(means[winners] - truth[new][winners])
    # Measured: raw winners are 4 points too high; shrunken ones by what a prior from 200 tests
    # misses, well below 1 point.
    assert raw_excess > 0.03
    assert abs(shrunken_excess) < 0.01
    inside = [
        belief.interval(0.9)[0] <= x <= belief.interval(0.9)[1]
        for belief, x in zip(beliefs, truth[new], strict=True)
    ]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.025)
