import numpy as np
import pytest

from experiments.stats.frequentist.dunnett import loading_of, step_down_p_values
from experiments.stats.sequential.step_down import step_down_family

# The control's share rises from a twentieth to nine tenths: the arms' correlation falls.
VISITORS = np.array([[1_000.0, 9_500.0, 9_500.0], [40_000.0, 9_500.0, 9_500.0]])


def test_difference_that_was_proven_stays_proven_when_correlations_fall():
    p_values = np.array([[0.031, 0.8], [0.031, 0.7]])
    at_last = step_down_p_values(p_values[-1], loading_of(VISITORS[-1]))
    assert at_last[0] > 0.05
    family = step_down_family(p_values, VISITORS, alpha=0.05)
    assert family.p_values[:, 0] == pytest.approx(
        [step_down_p_values(p_values[0], loading_of(VISITORS[0]))[0]] * 2
    )
    assert family.p_values[-1, 0] < 0.05
    # The interval of the proven arm is at the level that proved it.
    assert p_values[-1, 0] < family.levels[0]
    assert family.levels[1] < 0.027


def test_last_look_alone_decides_what_was_not_proven_before():
    p_values = np.array([[0.2, 0.8], [0.01, 0.04]])
    family = step_down_family(p_values, VISITORS, alpha=0.05)
    last = step_down_p_values(p_values[-1], loading_of(VISITORS[-1]))
    assert family.p_values[-1] == pytest.approx(last)
    assert ((p_values[-1] <= family.levels) == (last <= 0.05)).all()


def test_arm_is_undefined_until_its_first_figure():
    p_values = np.array([[np.nan, np.nan], [0.01, np.nan]])
    family = step_down_family(p_values, VISITORS, alpha=0.05)
    assert np.isnan(family.p_values[0]).all()
    assert family.p_values[1, 0] <= 0.05
    assert np.isnan(family.p_values[1, 1])


@pytest.mark.parametrize("seed", range(10))
def test_levels_agree_with_the_adjusted_p_values(seed):
    rng = np.random.default_rng(seed)
    p_values = np.minimum.accumulate(rng.beta(0.4, 4, (6, 3)), axis=0)
    visitors = rng.integers(100, 5_000, (6, 4)).cumsum(axis=0).astype(float)
    family = step_down_family(p_values, visitors, alpha=0.05)
    assert ((p_values[-1] <= family.levels) == (family.p_values[-1] <= 0.05)).all()
    assert (np.diff(family.p_values, axis=0) <= 0).all()
