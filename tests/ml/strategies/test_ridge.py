import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ml.dataset.contrast_groups import center_in_group
from ml.strategies.ridge import ALPHAS, fit_ridge


def problem(noise=1.0, n_groups=60, dimension=8, seed=1):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), rng.integers(2, 5, n_groups))
    features = center_in_group(rng.normal(size=(len(group), dimension)), group)
    truth = rng.normal(size=dimension)
    target = features @ truth + rng.normal(0, noise, len(group))
    evidence = rng.uniform(0.5, 1.5, len(group))
    return features, center_in_group(target, group), evidence, group


def test_weights_are_scikit_learns_weighted_ridge():
    features, target, evidence, group = problem()
    found = fit_ridge(features, target, evidence=evidence, group=group, alphas=[3.0])
    expected = Ridge(alpha=3.0, fit_intercept=False).fit(features, target, sample_weight=evidence)
    np.testing.assert_allclose(found.weights, expected.coef_, rtol=1e-8)
    assert found.alpha == 3.0


def test_penalty_is_the_one_that_refitting_without_each_group_prefers():
    features, target, evidence, group = problem(noise=3.0, n_groups=12)

    def correlation(alpha):
        said = np.empty_like(target)
        for number in range(12):
            out = group == number
            head = Ridge(alpha=alpha, fit_intercept=False)
            head.fit(features[~out], target[~out], sample_weight=evidence[~out])
            said[out] = features[out] @ head.coef_
        root = np.sqrt(evidence)
        a, b = said * root, target * root
        return a @ b / np.sqrt((a @ a) * (b @ b))

    found = fit_ridge(features, target, evidence=evidence, group=group)
    assert found.alpha == max(ALPHAS, key=correlation)


def test_noise_asks_for_a_larger_penalty():
    clear = fit_ridge_of(problem(noise=0.01))
    noisy = fit_ridge_of(problem(noise=30.0))
    assert clear.alpha < noisy.alpha


def fit_ridge_of(made):
    features, target, evidence, group = made
    return fit_ridge(features, target, evidence=evidence, group=group)


def test_fewer_rows_than_dimensions_give_scikit_learns_weights_too():
    features, target, evidence, group = problem(n_groups=5, dimension=40)
    found = fit_ridge(features, target, evidence=evidence, group=group, alphas=[3.0])
    expected = Ridge(alpha=3.0, fit_intercept=False).fit(features, target, sample_weight=evidence)
    np.testing.assert_allclose(found.weights, expected.coef_, rtol=1e-8)


def test_constant_target_gives_zero_weights():
    features, target, evidence, group = problem()
    found = fit_ridge(features, 0 * target, evidence=evidence, group=group)
    assert not found.weights.any()


def test_no_penalty_to_choose_from_is_refused():
    features, target, evidence, group = problem()
    with pytest.raises(ValueError, match="alphas: there are none"):
        fit_ridge(features, target, evidence=evidence, group=group, alphas=[])
