import numpy as np
import pytest

from ml.training.domain_similarity import (
    MAX_RATIO,
    align_covariance,
    density_ratios,
    effective_sample_size,
    log_evidence,
    measure_similarity,
)


def draw(mean=0.0, n=200, d=4, seed=1):
    return np.random.default_rng(seed).normal(mean, 1, (n, d))


def measured(first, second):
    return measure_similarity(first, second, rng=np.random.default_rng(0))


def test_equal_distributions_cannot_be_told_apart():
    found = measured(draw(seed=1), draw(seed=2))
    assert found.mmd == pytest.approx(0, abs=0.01)
    assert found.mmd_p_value > 0.05
    assert found.proxy_a_distance < 0.4


def test_distance_grows_with_the_shift_up_to_two():
    distances = [measured(draw(), draw(shift, seed=2)).proxy_a_distance for shift in (0.5, 1, 6)]
    assert distances == sorted(distances)
    assert distances[-1] == pytest.approx(2)
    assert measured(draw(), draw(6, seed=2)).mmd_p_value == pytest.approx(1 / 201)


def test_sides_of_unequal_size_are_compared_fairly():
    assert measured(draw(n=900), draw(n=60, seed=2)).proxy_a_distance < 0.5


def test_p_value_is_uniform_when_nothing_differs():
    p_values = [
        measured(draw(n=40, seed=s), draw(n=40, seed=s + 500)).mmd_p_value for s in range(60)
    ]
    assert sum(p <= 0.1 for p in p_values) <= 13  # binomial(60, 0.1) exceeds it once in 500


def test_too_few_texts_are_refused():
    with pytest.raises(ValueError, match="texts: 4 are fewer than 5"):
        measured(draw(n=4), draw())


def test_ratios_prefer_texts_like_the_targets_and_are_clipped():
    source = np.concatenate([draw(0, 180), draw(5, 20, seed=3)])
    ratios = density_ratios(source, draw(5, 200, seed=4))
    assert ratios.mean() == pytest.approx(1)
    assert ratios[180:].mean() > 20 * ratios[:180].mean()
    assert ratios.max() / ratios[180:].min() <= MAX_RATIO / 0.5


def test_effective_sample_size_lies_between_one_and_all():
    weights = np.random.default_rng(1).exponential(size=50)
    assert 1 < effective_sample_size(weights) < 50
    assert effective_sample_size(np.ones(50)) == pytest.approx(50)


def test_aligned_source_has_the_covariance_of_the_target():
    rng = np.random.default_rng(1)
    source = draw(n=4000) @ rng.normal(size=(4, 4))
    target = draw(n=4000, seed=2) @ rng.normal(size=(4, 4))
    source, target = source - source.mean(0), target - target.mean(0)
    aligned = source @ align_covariance(source, target)
    np.testing.assert_allclose(np.cov(aligned.T), np.cov(target.T), atol=0.2 * np.var(target))


def test_evidence_is_that_of_a_gaussian_at_the_best_precisions():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(60, 3))
    target = features @ [1.0, -0.5, 0.2] + rng.normal(0, 0.7, 60)

    def exact(log_alpha, log_beta):
        covariance = np.eye(60) / np.exp(log_beta) + features @ features.T / np.exp(log_alpha)
        _, log_det = np.linalg.slogdet(covariance)
        fit = target @ np.linalg.solve(covariance, target)
        return -(log_det + fit + 60 * np.log(2 * np.pi)) / 120

    grid = np.linspace(-4, 4, 81)
    best = max(exact(a, b) for a in grid for b in grid[::2])
    assert log_evidence(features, target) == pytest.approx(best, abs=2e-3)
