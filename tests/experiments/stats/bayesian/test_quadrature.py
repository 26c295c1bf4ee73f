import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from experiments.stats.bayesian.quadrature import (
    distribution_function,
    make_grid,
    normalise,
)


def normal_edges(centre, sd):
    """Return panel edges that resolve a normal density to 38 standard deviations."""
    return centre + sd * np.linspace(-38, 38, 381)


def normal_log(grid, centre, sd):
    return -0.5 * ((grid.nodes - centre) / sd) ** 2


def test_density_has_the_tails_of_a_normal_to_eleven_digits():
    grid = make_grid(normal_edges(0.0, 1.0))
    density = normalise(grid, normal_log(grid, 0, 1))
    assert density.mass.sum() == pytest.approx(1, rel=1e-14)
    inside = np.abs(grid.nodes) < 6
    assert density.below[inside] == pytest.approx(norm.cdf(grid.nodes[inside]), rel=1e-11)
    assert density.above[inside] == pytest.approx(norm.sf(grid.nodes[inside]), rel=1e-11)


@settings(max_examples=30)
@given(centre=st.floats(-50, 50), log_sd=st.floats(-6, 3))
def test_grid_resolves_a_density_beside_one_of_another_width(centre, log_sd):
    sd = 10**log_sd
    grid = make_grid(np.concatenate((normal_edges(0.0, 1.0), normal_edges(centre, sd))))
    density = normalise(grid, normal_log(grid, centre, sd))
    mean = float(np.sum(density.mass * grid.nodes))
    assert mean == pytest.approx(centre, rel=1e-9, abs=1e-9 * sd)
    variance = float(np.sum(density.mass * (grid.nodes - centre) ** 2))
    assert variance == pytest.approx(sd**2, rel=1e-6)


def test_widest_splits_long_panels_and_keeps_the_ends():
    grid = make_grid(normal_edges(0.0, 3.0), widest=1.0)
    assert np.diff(grid.edges).max() <= 1 + 1e-12
    assert (grid.edges[0], grid.edges[-1]) == (-114, 114)
    assert grid.weights.sum() == pytest.approx(228)


def test_grid_merges_equal_edges_and_sorts_them():
    grid = make_grid(np.array([1.0, 0.0, 1.0, 0.5]))
    assert grid.edges.tolist() == [0.0, 0.5, 1.0]
    assert np.all(np.diff(grid.nodes.ravel()) > 0)


def test_distribution_function_equals_scipy_and_is_flat_outside():
    grid = make_grid(normal_edges(2.0, 0.5))
    table = distribution_function(grid, normal_log(grid, 2.0, 0.5))
    x = np.linspace(-1, 5, 301)
    assert table.at(x) == pytest.approx(norm.cdf(x, 2, 0.5), abs=1e-13)
    assert table.at(np.array([-np.inf, np.inf])) == pytest.approx([0, 1])
