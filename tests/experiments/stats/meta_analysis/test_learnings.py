import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from experiments.stats.meta_analysis.learnings import (
    Support,
    common_effect,
    proposed_status,
)


def test_posterior_equals_brute_force_over_mean_and_spread():
    y, s = np.array([0.1, 0.3, -0.05]), np.array([0.05, 0.1, 0.08])
    typical = np.mean(s**-2.0) ** -0.5
    factors = (np.arange(1_000) + 0.5) / 1_000
    means = np.linspace(-1, 1, 2_001)
    square = typical**2 * (1 - factors) / factors
    density = np.tile(norm.pdf(means, 0, 0.1), (factors.size, 1))
    for effect, se in zip(y, s, strict=True):
        density *= norm.pdf(effect, means[None, :], np.sqrt(se**2 + square)[:, None])
    share = density / density.sum()
    found = common_effect(y, s)
    assert found.mean.mean == pytest.approx(np.sum(share * means), rel=2e-3)
    assert found.mean.chance_above(0) == pytest.approx(share[:, means > 0].sum(), abs=2e-3)
    next_above = norm.sf(0, means[None, :], np.sqrt(square)[:, None])
    assert found.next_test.chance_above(0) == pytest.approx(np.sum(share * next_above), abs=2e-3)


def statuses(mean, *, k, n=600, spread=0.05, raises=True, seed=20261129):
    """The statuses that simulated tests propose, each with errors of its own."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        ses = rng.uniform(0.03, 0.12, k)
        effects = rng.normal(mean, np.sqrt(spread**2 + ses**2))
        yield proposed_status(common_effect(effects, ses), raises=raises)


@pytest.mark.parametrize("k", [3, 6, 12])
@pytest.mark.parametrize("raises", [True, False])
def test_claim_about_nothing_is_seldom_supported_and_hardly_ever_confirmed(k, raises):
    found = [*statuses(0.0, k=k, raises=raises)]
    wrong = sum(one in (Support.SUPPORTED, Support.CONFIRMED) for one in found)
    assert binomtest(wrong, len(found), 0.05, "greater").pvalue > 0.001
    confirmed = found.count(Support.CONFIRMED)
    assert binomtest(confirmed, len(found), 0.01, "greater").pvalue > 0.001


@pytest.mark.parametrize("k", [3, 12])
def test_claim_that_holds_is_seldom_refuted(k):
    # A mean of +1 % in the claimed direction is the border of what counts.
    found = [*statuses(math.log(1.01), k=k)]
    assert binomtest(found.count(Support.REFUTED), len(found), 0.025, "greater").pvalue > 0.001


def test_large_effect_is_confirmed_by_many_tests_and_its_contrary_refuted():
    found = [*statuses(0.2, k=20, n=100)]
    assert found.count(Support.CONFIRMED) >= 95
    contrary = [*statuses(0.2, k=20, n=100, raises=False)]
    assert contrary.count(Support.REFUTED) == 100


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(7)
    n, covered = 600, 0
    for _ in range(n):
        mean, ses = rng.normal(0, 0.1), rng.uniform(0.03, 0.12, 6)
        effects = rng.normal(mean, np.sqrt(0.05**2 + ses**2))
        low, high = common_effect(effects, ses).mean.interval(0.95)
        covered += low <= mean <= high
    assert binomtest(covered, n, 0.95, "less").pvalue > 0.001


@pytest.mark.parametrize("k", [1, 2])
def test_fewer_than_three_tests_leave_any_claim_emerging(k):
    effect = common_effect([0.5] * k, [0.01] * k)
    assert {proposed_status(effect, raises=side) for side in (True, False)} == {Support.EMERGING}


def test_tests_that_disagree_support_without_confirming():
    effects = [0.4, -0.1] * 8
    effect = common_effect(effects, [0.02] * 16)
    assert proposed_status(effect, raises=True) == Support.SUPPORTED
    assert effect.next_test.chance_above(0) < 0.75


def test_claim_and_its_contrary_are_mirror_images():
    y, s = [0.1, 0.02, 0.3], [0.05, 0.05, 0.1]
    assert proposed_status(common_effect(y, s), raises=True) == proposed_status(
        common_effect([-one for one in y], s), raises=False
    )


@pytest.mark.parametrize(("y", "s"), [([], []), ([0.1], [0.0]), ([math.nan], [0.1])])
def test_numbers_out_of_range_are_refused(y, s):
    with pytest.raises(ValueError, match=r"effects|ses"):
        common_effect(y, s)
