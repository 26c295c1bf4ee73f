from dataclasses import replace

import numpy as np
import pytest

from ml.dataset.contrast_groups import build_groups, center_in_group, stack_arms
from ml.dataset.targets import centered_targets, evidence_weights
from ml.scoring.context import Context
from ml.scoring.context_offsets import (
    Features,
    fit_context_offset,
    plain_features,
    project,
    shift_of,
)
from tests.ml.factories import divided_rows, learnable_rows


def fitted(rows, factor="audience", *, shared=None):
    """The departures of a factor on the traits alone, from a shared score that says nothing."""
    groups = build_groups(rows).groups
    arms = stack_arms(groups)
    score = np.zeros(len(arms.texts)) if shared is None else shared(arms.texts)
    score = center_in_group(score, arms.group)
    features = Features(
        plain=plain_features(arms.texts, ["en"] * len(arms.texts), score),
        vectors=np.empty((len(arms.texts), 0)),
    )
    missed = centered_targets(arms) - score
    return fit_context_offset(
        factor, groups, features, missed=missed, evidence=evidence_weights(arms)
    )


def features_of(*texts):
    plain = plain_features(texts, ["en"] * len(texts), np.zeros(len(texts)))
    return Features(plain=plain, vectors=np.empty((len(texts), 0)))


def test_levels_depart_each_its_own_way():
    found = fitted(divided_rows())
    assert found.levels == ("everybody", "experts")
    assert found.groups == (90, 30)
    free = features_of("free thing", "thing")
    for level, sign in [("everybody", 1), ("experts", -1)]:
        with_it, without = found.shift(free, level)
        assert sign * (with_it - without) > 0


def test_unknown_level_departs_by_nothing():
    found = fitted(divided_rows())
    assert found.shift(features_of("free thing"), "newcomers") == pytest.approx(0)
    context = Context(audience="newcomers", locale="en")
    assert shift_of({"audience": found}, features_of("free"), context) == pytest.approx(0)


def test_level_with_fewer_tests_borrows_more():
    everybody, experts = fitted(divided_rows(90, 12)).borrowed
    assert 0 <= everybody < experts <= 1


def test_level_with_too_few_tests_has_no_departure():
    assert fitted(divided_rows(90, 5)).levels == ("everybody",)


@pytest.mark.parametrize("audience", ["", "everybody"], ids=["none", "one"])
def test_single_audience_has_nothing_to_depart_from(audience):
    assert fitted(learnable_rows(40, audience=audience)) is None


def test_noise_is_borrowed_from_all_more_than_signal():
    rows = [
        replace(row, audience="odd" if int(row.test[1:]) % 2 else "even")
        for row in learnable_rows(80, gain=0.0, visitors=300, seed=9)
    ]
    noise, signal = fitted(rows), fitted(divided_rows(40, 40))
    assert noise.penalty > signal.penalty
    assert min(noise.borrowed) > max(signal.borrowed)


def test_countries_of_a_language_are_one_level():
    assert Context(locale="fr-CA").level("locale") == Context(locale="FR_fr").level("locale")


def test_projection_keeps_likeness_roughly():
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((40, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    small, projection = project(rows, 40)
    assert small.shape == (40, 64)
    assert np.corrcoef((small @ small.T).ravel(), (rows @ rows.T).ravel())[0, 1] > 0.8
    np.testing.assert_allclose(small, rows @ projection)
