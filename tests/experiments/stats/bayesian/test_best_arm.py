import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from experiments.stats.bayesian.best_arm import best_by_draws, best_on_grid, lifts_with_prior
from experiments.stats.bayesian.normal_model import chance_to_win, expected_loss
from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.bayesian.quadrature import make_grid, normalise

# Of a standard normal: on each panel its density falls by at most a factor of exp(8).
EDGES = np.linspace(-38, 38, 381)


def best_of_normals(means, sds):
    """Return P(best) of independent normal posteriors on a grid that resolves each of them."""
    grid = make_grid(
        np.concatenate([mean + sd * EDGES for mean, sd in zip(means, sds, strict=True)])
    )
    z = [np.clip((grid.nodes - mean) / sd, -1e3, 1e3) for mean, sd in zip(means, sds, strict=True)]
    densities = [normalise(grid, -0.5 * distance**2) for distance in z]
    return best_on_grid(grid, densities, slope=np.ones_like(grid.nodes))


def test_best_of_normals_matches_the_value_in_the_notes():
    rates = [0.05, 0.058, 0.054]
    best = best_of_normals(rates, [math.sqrt(p * (1 - p) / 10_000) for p in rates])
    # The notes print 10 decimals from quadrature of another implementation.
    assert best.probabilities == pytest.approx(
        (0.0032490976, 0.8883269190, 0.1084239834), abs=1e-10
    )


def test_best_of_twenty_equal_arms_is_one_in_twenty():
    best = best_of_normals(np.zeros(20), np.ones(20))
    assert best.probabilities == pytest.approx([0.05] * 20, rel=1e-10)
    # Expected maximum of 20 standard normals: Harter (1961), table of order statistics.
    assert best.expected_losses == pytest.approx([1.86748] * 20, abs=5e-6)


@settings(max_examples=15)
@given(gap=st.floats(-20, 20), sd=st.floats(0.001, 100), other=st.floats(0.001, 100))
def test_two_arms_agree_with_the_closed_formulas(gap, sd, other):
    best = best_of_normals([0.0, gap], [sd, other])
    total = math.hypot(sd, other)
    assert best.probabilities[1] == pytest.approx(chance_to_win(gap, total), rel=1e-8, abs=1e-290)
    assert best.probabilities[0] == pytest.approx(chance_to_win(-gap, total), rel=1e-8, abs=1e-290)
    assert best.expected_losses[1] == pytest.approx(expected_loss(gap, total), rel=1e-8, abs=1e-290)


@settings(max_examples=15)
@given(
    means=st.lists(st.floats(-5, 5), min_size=2, max_size=6),
    shift=st.floats(-5, 5),
    order=st.randoms(use_true_random=False),
)
def test_probabilities_sum_to_one_and_follow_the_arms(means, shift, order):
    sds = np.linspace(0.5, 2, len(means))
    best = best_of_normals(means, sds)
    assert sum(best.probabilities) == pytest.approx(1)
    index = list(range(len(means)))
    order.shuffle(index)
    moved = best_of_normals([means[i] + shift for i in index], sds[index])
    assert moved.probabilities == pytest.approx([best.probabilities[i] for i in index], abs=1e-9)
    assert moved.expected_losses == pytest.approx(
        [best.expected_losses[i] for i in index], abs=1e-9
    )


def test_a_better_mean_raises_the_probability_and_lowers_the_loss():
    bests = [best_of_normals([0, 0.1, shift], [1, 0.5, 0.7]) for shift in np.linspace(-9, 9, 37)]
    chances = [best.probabilities[2] for best in bests]
    losses = [best.expected_losses[2] for best in bests]
    assert chances == sorted(chances)
    assert losses == sorted(losses, reverse=True)


def test_draws_agree_with_quadrature_within_their_stated_error():
    means, sds = [0.05, 0.058, 0.054], [0.0022, 0.0023, 0.0023]
    exact = best_of_normals(means, sds)
    drawn = best_by_draws(means, np.diag(np.square(sds)), rng=np.random.default_rng(7))
    for share, truth, error in zip(
        drawn.probabilities, exact.probabilities, drawn.monte_carlo_errors, strict=True
    ):
        assert abs(share - truth) < 4 * error
    assert drawn.expected_losses == pytest.approx(exact.expected_losses, abs=5e-5)


def test_draws_take_the_shared_control_into_account():
    # Two arms against one control: effects correlate 1/2; P(both worse) = 1/3, not 1/4.
    covariance = [[0, 0, 0], [0, 2, 1], [0, 1, 2]]
    drawn = best_by_draws([0, 0, 0], covariance, rng=np.random.default_rng(7), n_draws=40_000)
    assert drawn.probabilities[0] == pytest.approx(1 / 3, abs=4 * drawn.monte_carlo_errors[0])


def test_draws_report_an_error_above_zero_when_an_arm_always_wins():
    drawn = best_by_draws([0, 100], np.eye(2), rng=np.random.default_rng(7), n_draws=1_000)
    assert drawn.probabilities == (0, 1)
    assert min(drawn.monte_carlo_errors) == pytest.approx(math.sqrt(0.001 * 0.999 / 1000))


def test_draws_are_repeatable_from_their_seed():
    one, two = (best_by_draws([0, 1], np.eye(2), rng=np.random.default_rng(3)) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    ("means", "covariance", "message"),
    [
        ([1.0], [[1.0]], "covariance must be k x k"),
        ([1.0, 2.0], [[1.0]], "covariance must be k x k"),
        ([1.0, math.nan], np.eye(2), "must be finite"),
        ([1.0, 2.0], [[1, math.inf], [math.inf, 1]], "must be finite"),
        ([1.0, 2.0], [[1, 2], [2, 1]], "positive semi-definite"),
        ([1.0, 2.0], [[1, 0.5], [0, 1]], "positive semi-definite"),
    ],
)
def test_draws_refuse_bad_input(means, covariance, message):
    with pytest.raises(ValueError, match=message):
        best_by_draws(means, covariance, rng=np.random.default_rng(1))


def test_draws_refuse_too_few():
    with pytest.raises(ValueError, match="n_draws must be at least 100"):
        best_by_draws([0, 1], np.eye(2), rng=np.random.default_rng(1), n_draws=99)


def test_monte_carlo_errors_are_the_spread_of_repeated_answers():
    shares = [
        best_by_draws([0, 0.5], np.eye(2), rng=np.random.default_rng(seed), n_draws=400)
        for seed in range(300)
    ]
    spread = np.std([best.probabilities[0] for best in shares])
    stated = np.mean([best.monte_carlo_errors[0] for best in shares])
    assert spread == pytest.approx(stated, rel=4 / math.sqrt(2 * 300))
    truth = norm.sf(0.5 / math.sqrt(2))
    assert np.mean([best.probabilities[0] for best in shares]) == pytest.approx(truth, abs=0.006)


def test_lifts_with_prior_are_conditional_normals():
    """Lifts and their true values are jointly normal: the textbook's conditional mean."""
    prior, errors = NormalPrior(mean=0.02, sd=0.1), np.array([[0.01, 0.004], [0.004, 0.02]])
    lifts = np.array([0.3, -0.1])
    mean, covariance = lifts_with_prior(lifts, errors, prior)
    precision = np.linalg.inv(errors) + np.eye(2) / 0.1**2
    assert covariance == pytest.approx(np.linalg.inv(precision))
    expected = np.linalg.solve(precision, np.linalg.solve(errors, lifts) + 0.02 / 0.1**2)
    assert mean == pytest.approx(expected)


def test_narrow_prior_makes_all_arms_alike():
    mean, covariance = lifts_with_prior([0.3, 0.1], np.eye(2) * 0.01, NormalPrior(sd=1e-6))
    assert mean == pytest.approx([0, 0], abs=1e-9)
    assert np.diag(covariance) == pytest.approx(1e-12)
