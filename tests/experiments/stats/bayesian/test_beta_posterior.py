import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from experiments.stats.bayesian.beta_posterior import (
    BetaPosterior,
    beta_posterior,
    log_density,
    panel_edges,
)
from experiments.stats.bayesian.priors import BetaPrior
from experiments.stats.bayesian.quadrature import make_grid, normalise


def test_posterior_adds_clicks_to_the_prior():
    belief = beta_posterior(clicks=3, n=10, prior=BetaPrior(a=0.5, b=2))
    assert (belief.a, belief.b) == (3.5, 9)
    assert belief.mean == pytest.approx(stats.beta(3.5, 9).mean())
    assert belief.sd == pytest.approx(stats.beta(3.5, 9).std())


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.5, 0.5), (3, 400), (5_001, 95_001)])
def test_log_density_is_that_of_the_logit_of_a_beta(a, b):
    belief = BetaPosterior(a=a, b=b)
    t = belief.logit_mode + belief.logit_sd * np.linspace(-6, 6, 25)
    p = expit(t)
    # The density of ln(p / (1 - p)) is that of p times p (1 - p).
    expected = stats.beta.logpdf(p, a, b) + np.log(p) + np.log1p(-p)
    gaps = log_density(belief, t) - expected
    assert gaps == pytest.approx(np.full(25, gaps[0]), abs=1e-9 * max(a, 100))


def test_log_density_keeps_its_digits_at_huge_counts():
    # One standard deviation from the peak a normal-like density has fallen by exp(-1/2).
    belief = BetaPosterior(a=5e10, b=9.5e11)
    fallen = log_density(belief, belief.logit_mode + belief.logit_sd * np.array([-1.0, 1.0]))
    assert fallen == pytest.approx([-0.5, -0.5], abs=1e-5)


def test_log_density_is_finite_or_nothing_far_away():
    far = log_density(BetaPosterior(a=0.1, b=1e13), np.array([-1e6, 1e6]))
    assert np.all(far < -60)
    assert np.all(np.isfinite(far))


shapes = st.floats(-1, 12).map(lambda log: 10.0**log)


@settings(max_examples=30)
@given(a=shapes, b=shapes)
def test_panels_hold_all_of_the_mass(a, b):
    belief = BetaPosterior(a=a, b=b)
    edges = panel_edges(belief, fall=45)
    grid = make_grid(edges)
    ends = log_density(belief, np.array([edges.min(), edges.max()]))
    assert np.all(ends < -30)
    density = normalise(grid, log_density(belief, grid.nodes))
    moments = float(np.sum(density.mass * (grid.nodes - belief.logit_mode) ** 2))
    # The second moment about the mode is at least the variance.
    assert moments >= belief.logit_sd**2 * (1 - 1e-6)
    mean = float(np.sum(density.mass * expit(grid.nodes)))
    assert mean == pytest.approx(belief.mean, rel=1e-7)


@settings(max_examples=30)
@given(a=shapes, b=shapes)
def test_panels_are_few(a, b):
    assert panel_edges(BetaPosterior(a=a, b=b), fall=350).size < 700
    assert math.isfinite(BetaPosterior(a=a, b=b).logit_sd)
