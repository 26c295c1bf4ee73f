import numpy as np
import pytest

from ml.dataset.targets import centered_targets, evidence_weights
from tests.ml.factories import arms_of


def test_target_at_one_percent_is_the_prototypes():
    visitors, clicks = np.array([3000.0, 5000.0]), np.array([45.0, 35.0])
    expected = np.log((clicks + 1) / (visitors + 100))
    targets = centered_targets(arms_of([0, 0], visitors, clicks))
    np.testing.assert_allclose(targets, expected - expected.mean(), rtol=1e-12)


def test_target_does_not_depend_on_the_level_of_the_group():
    # Equal rates stay equal whatever the rate and however few visitors an arm has.
    targets = centered_targets(arms_of([0, 0, 1, 1], [100, 900, 100, 900], [30, 270, 1, 9]))
    np.testing.assert_allclose(targets, 0, atol=1e-12)


def test_an_arm_without_clicks_has_a_finite_target():
    assert np.isfinite(centered_targets(arms_of([0, 0], [50, 50], [0, 3]))).all()


def test_weights_grow_with_evidence_up_to_the_spread_of_true_arms():
    arms = arms_of([0] * 4, [100, 1_000, 10**6, 10**9], [2, 20, 30_000, 15 * 10**6])
    weights = evidence_weights(arms)
    assert weights.mean() == pytest.approx(1)
    assert (np.diff(weights) > 0).all()
    assert weights[3] / weights[2] < 1.01
