import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.sequential import stopping_probabilities
from experiments.stats.sequential.stopping_probabilities import (
    crossing_probabilities,
    drift_for_power,
)


def test_one_look_is_the_fixed_test():
    crossing = crossing_probabilities([1.959963984540054], [1.0], drift=2.8015852)
    assert crossing.upper[0] == pytest.approx(0.8, abs=1e-7)
    assert crossing.lower[0] == pytest.approx(stats.norm.cdf(-1.96 - 2.8015852), rel=1e-3)
    assert crossing.expected_fraction == 1


@pytest.mark.parametrize(
    ("looks", "size"),
    [(2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)],
)
def test_repeated_fixed_tests_inflate_as_armitage_found(looks, size):
    # Armitage, McPherson and Rowe (1969), table 2: 1.96 at every one of equally spaced looks.
    times = np.arange(1, looks + 1) / looks
    crossing = crossing_probabilities(np.full(looks, 1.959964), times)
    assert crossing.upper[-1] + crossing.lower[-1] == pytest.approx(size, abs=6e-4)


@pytest.mark.parametrize(("looks", "constant"), [(5, 2.413), (10, 2.555)])
def test_pocock_boundary_holds_five_percent(looks, constant):
    # Jennison and Turnbull (2000), table 2.1.
    times = np.arange(1, looks + 1) / looks
    crossing = crossing_probabilities(np.full(looks, constant), times)
    assert crossing.upper[-1] + crossing.lower[-1] == pytest.approx(0.05, abs=1e-4)


def test_obrien_fleming_inflation_factor():
    # Jennison and Turnbull (2000), tables 2.3 and 2.4: 5 looks, C 2.040, R(0.8) 1.028.
    times = np.arange(1, 6) / 5
    drift = drift_for_power(2.040 / np.sqrt(times), times, power=0.8)
    assert (drift / 2.8015852) ** 2 == pytest.approx(1.028, abs=1e-3)


def test_crossing_agrees_with_simulation():
    rng = np.random.default_rng(20261122)
    times = np.array([0.1, 0.15, 0.5, 0.9, 1.0])
    bounds = np.array([3.0, np.inf, 2.2, 2.5, 2.0])
    steps = np.diff(times, prepend=0.0)
    walk = np.cumsum(rng.normal(2.0 * steps, np.sqrt(steps), (200_000, 5)), axis=1)
    beyond = np.abs(walk / np.sqrt(times)) >= bounds
    stopped = beyond.any(axis=1)
    first = np.where(stopped, beyond.argmax(axis=1), 4)
    crossing = crossing_probabilities(bounds, times, drift=2.0)
    total = crossing.upper + crossing.lower
    for look in range(5):
        assert (stopped & (first <= look)).mean() == pytest.approx(total[look], abs=0.0045)
    assert times[first].mean() == pytest.approx(crossing.expected_fraction, abs=0.003)


@settings(max_examples=30)
@given(
    drift=st.floats(-30, 30),
    looks=st.integers(1, 12),
    bound=st.floats(0.01, 8),
)
def test_probabilities_are_monotone_and_mirror_with_the_drift(drift, looks, bound):
    times = np.arange(1, looks + 1) / looks
    one = crossing_probabilities(np.full(looks, bound), times, drift=drift)
    two = crossing_probabilities(np.full(looks, bound), times, drift=-drift)
    assert np.all(np.diff(one.upper) >= 0)
    assert one.upper[-1] + one.lower[-1] <= 1 + 1e-7
    assert one.upper == pytest.approx(two.lower, abs=1e-7)
    assert times[0] - 1e-9 <= one.expected_fraction <= 1 + 1e-7


@pytest.mark.parametrize("bound", [1e-12, 1e300, math.inf])
def test_extreme_boundaries_give_finite_answers(bound):
    for drift in (0.0, 1e6):
        crossing = crossing_probabilities([bound, bound], [1e-9, 1.0], drift=drift)
        assert np.all(np.isfinite(crossing.upper))
        assert math.isfinite(crossing.expected_fraction)


def test_drift_for_power_gives_that_power():
    times = np.arange(1, 15) / 14
    bounds = 3.0 + 0.1 / times
    drift = drift_for_power(bounds, times, power=0.9)
    crossing = crossing_probabilities(bounds, times, drift=drift)
    assert crossing.upper[-1] == pytest.approx(0.9, abs=1e-6)


@pytest.mark.parametrize(
    ("criticals", "fractions", "drift", "message"),
    [
        ([], [], 0.0, "must have one length"),
        ([1.0], [0.5, 1.0], 0.0, "must have one length"),
        ([0.0], [1.0], 0.0, "criticals must be positive"),
        ([math.nan], [1.0], 0.0, "criticals must be positive"),
        ([1.0, 1.0], [0.5, 0.5], 0.0, "fractions must be positive and increase"),
        ([1.0, 1.0], [0.0, 0.5], 0.0, "fractions must be positive and increase"),
        ([1.0, 1.0], [0.5, math.inf], 0.0, "fractions must be positive and increase"),
        ([1.0, 1.0], [0.5, math.nan], 0.0, "fractions must be positive and increase"),
        ([1.0], [1.0], math.nan, "drift must be finite"),
    ],
)
def test_crossing_refuses_bad_input(criticals, fractions, drift, message):
    with pytest.raises(ValueError, match=message):
        crossing_probabilities(criticals, fractions, drift=drift)


def test_drift_refuses_bad_power_and_a_test_that_never_stops():
    with pytest.raises(ValueError, match="power must be in"):
        drift_for_power([1.0], [1.0], power=1.0)
    with pytest.raises(ValueError, match="finite boundary"):
        drift_for_power([math.inf], [1.0], power=0.8)


def test_density_after_the_last_look_is_not_computed(monkeypatch):
    counts, nodes = [], stopping_probabilities._nodes
    monkeypatch.setattr(
        stopping_probabilities, "_nodes", lambda count: counts.append(count) or nodes(count)
    )
    crossing = crossing_probabilities([2.0, 2.0, 2.0], [0.3, 0.6, 0.6 + 1e-4])
    assert len(counts) == 2
    assert crossing.upper[2] == pytest.approx(crossing.upper[1], abs=1e-3)
