import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import norm

from experiments.stats.bayesian import mixture_quantiles as module
from experiments.stats.bayesian.mixture_quantiles import mixture_quantiles
from experiments.stats.meta_analysis.partial_pooling import pool_partially

PROBABILITIES = np.array([1e-6, 0.025, 0.5, 0.975, 1 - 1e-6])


def by_root_search(weights, means, sds, probability):
    """Return the quantile that scipy finds for one mixture."""

    def excess(value):
        return float(weights @ norm.cdf(value, means, sds)) - probability

    ends = norm.ppf(probability, means, sds)
    return brentq(excess, ends.min() - 1e-9, ends.max() + 1e-9, xtol=1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_quantiles_are_the_roots_of_the_distribution(seed):
    rng = np.random.default_rng([18, seed])
    weights = rng.dirichlet(np.full(6, 0.3))
    means, sds = rng.normal(0, 3, 6), 10 ** rng.uniform(-3, 1, 6)
    found = mixture_quantiles(weights, means, sds, PROBABILITIES)
    expected = [by_root_search(weights, means, sds, one) for one in PROBABILITIES]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_many_mixtures_are_as_each_alone():
    posteriors = pool_partially([0.0, 0.1, 0.5], [0.05, 0.05, 0.4]).effects
    weights, means, sds = (
        np.stack([getattr(one, name) for one in posteriors])[:, None]
        for name in ("weights", "means", "sds")
    )
    found = mixture_quantiles(weights, means, sds, PROBABILITIES)
    alone = [[one.quantile(float(p)) for p in PROBABILITIES] for one in posteriors]
    # The upper tail is known to rounding of 1.
    assert found == pytest.approx(np.array(alone), rel=1e-10)


def test_many_mixtures_take_few_steps(monkeypatch):
    rng, steps = np.random.default_rng(18), []
    posteriors = pool_partially(rng.normal(0, 0.02, 8), rng.uniform(0.005, 0.03, 8)).effects
    weights, means, sds = (
        np.stack([getattr(one, name) for one in posteriors])[:, None]
        for name in ("weights", "means", "sds")
    )
    monkeypatch.setattr(module, "ndtr", lambda z: steps.append(1) or ndtr(z))
    mixture_quantiles(weights, means, sds, np.array([0.5, 0.025, 0.975]))
    assert len(steps) <= 8


def test_one_normal_has_its_own_quantiles():
    found = mixture_quantiles(np.ones(1), np.array([2.0]), np.array([3.0]), PROBABILITIES)
    assert found == pytest.approx(norm.ppf(PROBABILITIES, 2, 3), rel=1e-9)


def test_parts_without_weight_count_for_nothing():
    weights, means = np.array([1.0, 0.0]), np.array([0.0, 1e6])
    found = mixture_quantiles(weights, means, np.array([1.0, 1e-3]), np.array(0.975))
    assert float(found) == pytest.approx(norm.ppf(0.975), rel=1e-9)


def test_distant_parts_are_told_apart():
    weights, sds = np.array([0.5, 0.5]), np.array([1e-4, 1e-4])
    found = mixture_quantiles(weights, np.array([-1.0, 1.0]), sds, np.array([0.25, 0.75]))
    assert found == pytest.approx([-1.0, 1.0], abs=1e-12)
