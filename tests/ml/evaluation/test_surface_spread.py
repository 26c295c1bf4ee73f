import numpy as np
import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.dataset.pairs import pair_arms
from ml.evaluation.metrics import Predictions
from ml.evaluation.surface_spread import measure_surfaces
from tests.ml.factories import arm_row, groups_of

# So many visitors that noise is nothing beside the effects.
VISITORS = 4_000_000
ARMS = 4


def simulated(form, n_tests, spread, *, seed):
    """Tests of one form whose true log-odds have a standard deviation, and these log-odds."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, spread, (n_tests, ARMS))
    rates = 1 / (1 + np.exp(3 - effects))
    rows = [
        arm_row(
            f"{form}{test}", f"{form} {test} {arm}", VISITORS, round(VISITORS * rate), form=form
        )
        for test, row in enumerate(rates)
        for arm, rate in enumerate(row)
    ]
    return rows, effects


def held_out(rows):
    """Groups, and predictions that state what was measured."""
    groups = groups_of(*rows)
    arms = stack_arms(groups)
    pairs = pair_arms(arms)
    scores = np.log(arms.clicks / arms.visitors)
    logit = scores[pairs.first] - scores[pairs.second]
    return groups, Predictions(arms=arms, pairs=pairs, scores=scores, logit=logit)


def shuffled(groups, held, form, *, seed):
    """Predictions without skill, and too bold, on one form."""
    rng = np.random.default_rng(seed)
    is_form = np.array([group.form == form for group in groups])[held.pairs.group]
    logit = np.where(is_form, rng.choice([-3.0, 3.0], len(held.logit)), held.logit)
    return Predictions(arms=held.arms, pairs=held.pairs, scores=held.scores, logit=logit)


def test_form_with_smaller_effects_is_shrunk_by_the_ratio_of_the_spreads():
    headlines, wide = simulated("", 300, 0.4, seed=1)
    buttons, narrow = simulated("button", 80, 0.1, seed=2)
    groups, held = held_out([*headlines, *buttons])
    found = measure_surfaces(groups, shuffled(groups, held, "button", seed=3))
    # The truth, without the estimator: variances of the effects that were drawn.
    of_button = narrow.var(axis=1, ddof=1).mean()
    of_all = np.concatenate([wide, narrow]).var(axis=1, ddof=1).mean()
    expected = (80 * of_button + 20 * of_all) / 100
    assert found["button"]["groups"] == 80
    assert found["button"]["spread"] == pytest.approx(np.sqrt(expected), rel=0.02)
    assert found["button"]["shrinkage"] == pytest.approx(np.sqrt(expected / of_all), rel=0.02)
    assert found[""]["shrinkage"] == 1.0


def test_few_tests_of_a_form_say_little_of_it():
    headlines, _ = simulated("", 300, 0.4, seed=1)
    buttons, _ = simulated("button", 2, 0.1, seed=2)
    groups, held = held_out([*headlines, *buttons])
    found = measure_surfaces(groups, shuffled(groups, held, "button", seed=3))
    # Two tests against the twenty that the common spread is worth: sqrt(20 / 22) at the least.
    assert 0.95 < found["button"]["shrinkage"] < 1


def test_form_whose_held_out_pairs_speak_against_it_is_not_shrunk():
    headlines, _ = simulated("", 300, 0.4, seed=1)
    buttons, _ = simulated("button", 80, 0.1, seed=2)
    # Right on every pair: any shrinking makes it worse.
    groups, held = held_out([*headlines, *buttons])
    assert measure_surfaces(groups, held)["button"]["shrinkage"] == 1.0


def test_form_with_larger_effects_is_not_enlarged():
    headlines, _ = simulated("", 300, 0.1, seed=1)
    buttons, _ = simulated("button", 80, 0.5, seed=2)
    groups, held = held_out([*headlines, *buttons])
    assert measure_surfaces(groups, held)["button"]["shrinkage"] == 1.0


def test_arms_that_differ_by_noise_alone_shrink_nothing():
    rows = [
        arm_row(f"t{test}", f"word {test} {arm}", 1000, 50 + arm, form=form)
        for test, form in enumerate(("button", "link"))
        for arm in range(2)
    ]
    found = measure_surfaces(*held_out(rows))
    assert {form: each["shrinkage"] for form, each in found.items()} == {"button": 1.0, "link": 1.0}
