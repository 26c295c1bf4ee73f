import numpy as np
import pytest
from scipy.stats import binomtest

from ml.dataset.contrast_groups import build_groups
from ml.evaluation.principle_effects import Contrast, measure_traits, shrink_effects
from ml.language.traits import TRAITS
from tests.ml.factories import arm_row


def groups_with(effect, n_tests=80, *, visitors=20_000, seed=1, suspect=False):
    """Tests of a free thing against a plain one; `effect` is on the log-odds."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_tests):
        level = rng.normal(-3, 0.5)
        for text, gain in [(f"Free tea {number}x", effect), (f"Green tea {number}x", 0.0)]:
            rate = 1 / (1 + np.exp(-level - gain - rng.normal(0, 0.05)))
            clicks = int(rng.binomial(visitors, rate))
            rows.append(arm_row(f"t{number}", text, visitors, clicks, locale="en", suspect=suspect))
    return build_groups(rows).groups


def effect_of(trait, groups, **changes):
    return dict(zip(TRAITS, measure_traits(groups, **changes), strict=True))[trait]


@pytest.mark.parametrize("effect", [0.3, -0.3])
def test_measured_effect_is_the_true_one(effect):
    found = effect_of("reward", groups_with(effect))
    assert (found.tests, found.arms) == (80, 80)
    assert found.low < np.expm1(effect) < found.high
    assert found.raw == pytest.approx(np.expm1(effect), abs=0.03)
    assert (found.chance > 0.99) == (effect > 0)


def test_trait_that_all_arms_have_is_not_measured():
    found = effect_of("number", groups_with(0.3))
    assert (found.tests, found.lift, found.chance, found.examples) == (0, None, None, ())


def test_no_history_measures_nothing():
    assert {each.lift for each in measure_traits([])} == {None}


def test_suspect_tests_are_left_out():
    assert effect_of("reward", groups_with(0.3, suspect=True)).tests == 0


def test_few_noisy_tests_are_drawn_towards_zero():
    few = effect_of("reward", groups_with(0.6, 3, visitors=300, seed=2))
    many = effect_of("reward", groups_with(0.6))
    assert abs(few.lift) < 0.5 * abs(few.raw)
    assert many.lift > 0.85 * many.raw


def test_noise_beyond_binomial_widens_the_interval():
    plain = effect_of("reward", groups_with(0.2, visitors=2_000))
    noisy = effect_of("reward", groups_with(0.2, visitors=2_000), dispersion=4.0)
    assert noisy.high - noisy.low > plain.high - plain.low


def test_examples_are_the_best_of_their_tests():
    (first, *_) = effect_of("reward", groups_with(0.3)).examples
    assert first.startswith("Free tea")


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(7)
    covered, n_runs = 0, 400
    for _ in range(n_runs):
        truth = rng.normal(0, 0.1, size=len(TRAITS))
        error = rng.uniform(0.03, 0.2, size=len(TRAITS))
        contrasts = {
            trait: Contrast(tests=9, arms=9, effect=rng.normal(true, noise), error=noise)
            for trait, true, noise in zip(TRAITS, truth, error, strict=True)
        }
        means = shrink_effects(contrasts)
        covered += sum(
            abs(means[trait][0] - true) < 1.96 * means[trait][1]
            for trait, true in zip(TRAITS, truth, strict=True)
        )
    assert binomtest(covered, n_runs * len(TRAITS), 0.93, "less").pvalue > 0.001
