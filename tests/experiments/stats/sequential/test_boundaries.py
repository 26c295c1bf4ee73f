import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.stats.sequential.boundaries import (
    mixture_multiplier,
    mixture_p_value,
    mixture_precision,
    one_sided_multiplier,
)

times = st.floats(1e-4, 1e4)
levels = st.floats(1e-12, 0.9)


def test_mixture_multipliers_match_the_reference():
    time = np.array([0.05, 0.1, 0.2, 0.5, 1, 2, 4, 10, 20])
    expected = [4.72, 3.86, 3.36, 3.08, 3.035, 3.06, 3.13, 3.24, 3.34]
    # The notes give the exact optimum's widths; GrowthBook's approximation is 0.2 % off.
    assert mixture_multiplier(time, level=0.05, alpha=0.05) == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(("alpha", "width"), [(0.025, 3.28), (0.0125, 3.50), (0.01, 3.57)])
def test_mixture_is_tightest_as_in_the_reference(alpha, width):
    multiplier = mixture_multiplier(np.array(1.0), level=alpha, alpha=alpha)
    assert multiplier == pytest.approx(width, abs=0.015)


def test_mixture_is_about_tightest_at_the_planned_visitors():
    near = mixture_multiplier(np.linspace(0.5, 2, 301), level=0.05, alpha=0.05)
    assert near[0] > near.min()
    assert near[-1] > near.min()
    assert mixture_multiplier(np.array(1.0), level=0.05, alpha=0.05) < near.min() * 1.0001


def test_one_sided_multiplier_matches_growthbook():
    # Effect, lower end and standard error of test_tests.py: 6,461 visitors, 5,000 planned.
    k = (0.23437666666666668 + 0.12656844172804982) / 0.12983081254184736
    assert one_sided_multiplier(np.array(6461 / 5000), alpha=0.05) == pytest.approx(k, rel=1e-4)


@given(times, levels, st.floats(0.001, 0.4))
def test_p_value_is_the_level_at_the_boundary(time, level, alpha):
    edge = mixture_multiplier(np.array(time), level=level, alpha=alpha)
    assert mixture_p_value(edge, np.array(time), alpha=alpha) == pytest.approx(level, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_boundaries_refuse_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must lie"):
        mixture_precision(alpha)
