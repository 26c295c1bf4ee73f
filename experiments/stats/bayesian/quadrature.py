"""Composite Gauss-Legendre quadrature of several densities on one line.

Every density brings its own panel edges, dense enough for its peak and for its tails, so that a
density a million times narrower than its neighbour is resolved too, and so are the tails in
which two well separated densities meet.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import legendre

from experiments.stats.estimation.sufficient_statistics import FloatArray

ORDER = 16  # nodes a panel
# Largest change of a log density over one panel: 16 nodes follow exp(8 x) to 1e-10.
FALL = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Nodes of all panels.

    Attributes:
        edges: Panel edges, shape (p + 1,), increasing.
        nodes: Shape (p, 16), increasing.
        weights: Shape (p, 16), positive: an integral is sum(weights * values).
    """

    edges: FloatArray
    nodes: FloatArray
    weights: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """A normalised density on a grid with both of its tails.

    Attributes:
        mass: Probability of each node, shape (p, 16), sum 1.
        below: P(X < node), shape (p, 16), accurate where it is small.
        above: P(X > node), shape (p, 16), accurate where it is small.
    """

    mass: FloatArray
    below: FloatArray
    above: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionFunction:
    """P(X < x) as one Legendre series a panel.

    Attributes:
        edges: Shape (p + 1,), increasing.
        series: Coefficients, shape (17, p).
    """

    edges: FloatArray
    series: FloatArray

    def at(self, x: FloatArray) -> FloatArray:
        """Return P(X < x), element by element; x may be infinite."""
        inside = np.clip(x, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, inside) - 1, 0, self.edges.size - 2)
        left, right = self.edges[panel], self.edges[panel + 1]
        local = (2 * inside - left - right) / (right - left)
        value = legendre.legval(local, self.series[:, panel], tensor=False)
        return np.asarray(np.clip(value, 0.0, 1.0), dtype=np.float64)


def make_grid(edges: FloatArray, *, widest: float = np.inf) -> Grid:
    """Return the nodes and weights of the panels between the edges.

    Args:
        edges: At least two different finite numbers, in any order.
        widest: Longest panel allowed, for an integrand that varies between the densities.

    Returns:
        The grid; equal edges are merged.

    >>> grid = make_grid(np.linspace(-12.0, 12.0, 49))
    >>> round(float(np.sum(grid.weights * np.exp(-grid.nodes**2 / 2))), 12)
    2.506628274631
    """
    edges = np.unique(edges)
    if np.isfinite(widest):
        parts = np.maximum(np.ceil(np.diff(edges) / widest), 1).astype(int)
        starts = np.repeat(edges[:-1], parts)
        lengths = np.repeat(np.diff(edges) / parts, parts)
        rank = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        edges = np.append(starts + rank * lengths, edges[-1])
    half = np.diff(edges)[:, None] / 2
    middle = (edges[:-1, None] + edges[1:, None]) / 2
    points, weights, _ = _rule()
    return Grid(edges=edges, nodes=middle + half * points, weights=half * weights)


def normalise(grid: Grid, log_density: FloatArray) -> Density:
    """Return the density with the given logarithm (up to a constant) on the grid.

    Args:
        grid: Panels that resolve the density.
        log_density: Shape (p, 16); -inf where it vanishes.

    Returns:
        The density, summed to 1, with its tail probabilities.

    >>> grid = make_grid(np.linspace(-12.0, 12.0, 49))
    >>> density = normalise(grid, -grid.nodes**2 / 2)
    >>> float(np.abs(density.below + density.above - 1).max()) < 1e-12
    True
    """
    values = np.exp(log_density - log_density.max())
    mass = grid.weights * values
    total = mass.sum()
    panel = mass.sum(axis=1)
    _, rule_weights, inner = _rule()
    half = grid.weights[:, :1] / rule_weights[0]
    from_left = half * (values @ inner.T)
    # Symmetric nodes: the integral to the right edge is the mirrored integral from the left.
    to_right = half * (values[:, ::-1] @ inner.T)[:, ::-1]
    before = np.concatenate(([0.0], np.cumsum(panel)[:-1]))
    after = np.concatenate((np.cumsum(panel[::-1])[::-1][1:], [0.0]))
    return Density(
        mass=mass / total,
        below=np.clip((before[:, None] + from_left) / total, 0.0, 1.0),
        above=np.clip((after[:, None] + to_right) / total, 0.0, 1.0),
    )


def distribution_function(grid: Grid, log_density: FloatArray) -> DistributionFunction:
    """Return P(X < x) as a function of x.

    Args:
        grid: Panels that resolve the density.
        log_density: Shape (p, 16), up to a constant.

    Returns:
        A piecewise polynomial of degree 16, exact at the panel edges.

    >>> grid = make_grid(np.linspace(-12.0, 12.0, 49))
    >>> normal = distribution_function(grid, -grid.nodes**2 / 2)
    >>> normal.at(np.array([-1.959963984540054])).round(12).tolist()
    [0.025]
    """
    values = np.exp(log_density - log_density.max())
    half = np.diff(grid.edges) / 2
    points, weights, _ = _rule()
    degree = np.arange(ORDER)
    to_series = (2 * degree[:, None] + 1) / 2 * (legendre.legvander(points, ORDER - 1).T * weights)
    primitive = legendre.legint(to_series @ values.T, lbnd=-1, axis=0) * half
    ends = np.concatenate(([0.0], np.cumsum(legendre.legval(1.0, primitive))))
    primitive[0] += ends[:-1]
    return DistributionFunction(edges=grid.edges, series=primitive / ends[-1])


@cache
def _rule() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes, weights and the matrix of integrals from -1 to each node.

    The Lagrange polynomial of node j is sum_k (2k+1)/2 w_j P_k(x_j) P_k(x), and the integral of
    P_k from -1 to x is (P_{k+1}(x) - P_{k-1}(x)) / (2k+1).
    """
    points, weights = legendre.leggauss(ORDER)
    table = legendre.legvander(points, ORDER)
    primitive = np.empty((ORDER, ORDER))
    primitive[:, 0] = points + 1
    primitive[:, 1:] = table[:, 2:] - table[:, : ORDER - 1]
    inner = 0.5 * weights * (primitive @ table[:, :ORDER].T)
    return points, weights, inner
