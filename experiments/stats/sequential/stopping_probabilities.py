"""Stopping probabilities of a group-sequential test, by numerical integration.

The statistic of an experiment looked at at fractions t_1 < ... < t_K of its planned visitors is
a Brownian motion with drift: z_k sqrt(t_k) has mean `drift` t_k and variance t_k, and its
increments are independent. The density of the experiments that have not stopped yet is carried
from look to look by quadrature, so no simulation is needed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy
from numpy.polynomial import legendre
from scipy.special import ndtr

from experiments.stats.estimation.sufficient_statistics import FloatArray

# Nodes for each standard deviation of an increment; 1.5 gives 1e-8, 2.5 leaves room.
_DENSITY = 2.5
# Half the length of the region that is integrated if there is no boundary.
_FAR = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Stopping of a repeated two-sided test.

    Attributes:
        upper: P(stopped with z > 0 by each look), shape (k,), not decreasing.
        lower: P(stopped with z < 0 by each look), shape (k,).
        expected_fraction: Expected share of the planned visitors used; an experiment that
            never stops uses all of them.
    """

    upper: FloatArray
    lower: FloatArray
    expected_fraction: float


def crossing_probabilities(
    criticals: Sequence[float] | FloatArray,
    fractions: Sequence[float] | FloatArray,
    *,
    drift: float = 0.0,
) -> Crossing:
    """Return the probability of |z| >= critical at or before each look.

    Args:
        criticals: Boundary at each look in standard errors, positive; infinity for "no stop".
        fractions: Share of the planned visitors at each look, increasing and positive; above 1
            after the plan's end.
        drift: Expected z when all planned visitors are in: effect / its standard error.

    Returns:
        Crossing probabilities, accurate to about 1e-8.

    Raises:
        ValueError: If the lengths differ or a number is out of range.

    Source: Armitage, McPherson, Rowe (1969), "Repeated significance tests on accumulating
    data", J. R. Stat. Soc. A 132; Jennison, Turnbull (2000), chapter 19.

    >>> looks = np.arange(1, 21) / 20
    >>> fixed = crossing_probabilities([1.959964] * 20, looks)
    >>> round(float(fixed.upper[-1] + fixed.lower[-1]), 3)
    0.248
    """
    bounds, times = checked_looks(criticals, fractions)
    if not math.isfinite(drift):
        raise ValueError(f"drift must be finite, got {drift}")
    upper, lower = np.zeros(times.size), np.zeros(times.size)
    for k, density in enumerate(densities(bounds, times, drift=drift)):
        edge = bounds[k] * math.sqrt(times[k])
        step = times[k] - density.time
        sd, expected = math.sqrt(step), density.points + drift * step
        upper[k] = density.mass @ ndtr((expected - edge) / sd)
        lower[k] = density.mass @ ndtr((-edge - expected) / sd)
    stopped = np.diff(np.cumsum(upper + lower), prepend=0.0)
    used = float(stopped @ times + (1 - stopped.sum()) * times[-1])
    return Crossing(upper=np.cumsum(upper), lower=np.cumsum(lower), expected_fraction=used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """Quadrature of the paths that have not stopped by a look.

    Attributes:
        points: Places of the Brownian motion z sqrt(t), shape (m,).
        mass: Probability of each point, shape (m,); the sum is P(not stopped yet).
        time: Time of the look; 0 before the first one.
    """

    points: FloatArray
    mass: FloatArray
    time: float


def densities(
    bounds: FloatArray, times: FloatArray, *, drift: float = 0.0, spread: float = 0.0
) -> Iterator[Density]:
    """Yield, for each look, the density of the paths that no earlier look has stopped.

    The sequence ends early when a boundary leaves nothing to go on.

    Args:
        bounds: Boundary at each look in standard errors, positive or infinite, shape (k,).
        times: Times of the looks, increasing and positive, shape (k,).
        drift: Mean of the motion at time 1.
        spread: Largest change of the drift to which the mass will be tilted; it widens the
            region that is integrated.

    >>> looks = np.array([0.5, 1.0])
    >>> [round(float(at.mass.sum()), 3) for at in densities(np.full(2, 1.959964), looks)]
    [1.0, 0.95]
    """
    points, mass, before = np.zeros(1), np.ones(1), 0.0
    for bound, time in zip(bounds.tolist(), times.tolist(), strict=True):
        yield Density(points=points, mass=mass, time=before)
        if time == times[-1]:
            return
        step, edge = time - before, bound * math.sqrt(time)
        sd, expected = math.sqrt(step), points + drift * step
        centre, reach = drift * time, _FAR * math.sqrt(time) + spread * time
        low, high = max(-edge, centre - reach), min(edge, centre + reach)
        if high <= low:
            return
        nodes, weights = _nodes(math.ceil((high - low) / sd * _DENSITY) + 24)
        half = (high - low) / 2
        points = low + half * (nodes + 1)
        steps = (points[:, None] - expected[None, :]) / sd
        density = np.exp(-0.5 * steps**2) @ mass / (sd * math.sqrt(2 * math.pi))
        mass, before = half * weights * density, time


def drift_for_power(
    criticals: Sequence[float] | FloatArray,
    fractions: Sequence[float] | FloatArray,
    *,
    power: float,
) -> float:
    """Return the drift at which the upper boundary is crossed with probability `power`.

    A fixed test needs drift z_{1 - alpha/2} + z_power; the squared ratio of the two drifts is
    the ratio of the visitors planned.

    Args:
        criticals: As `crossing_probabilities`, at least one finite.
        fractions: As `crossing_probabilities`.
        power: In (0, 1).

    Returns:
        The drift.

    Raises:
        ValueError: If a number is out of range or no boundary is finite.

    >>> round(drift_for_power([1.959964], [1.0], power=0.8), 4)
    2.8016
    """
    if not 0 < power < 1:
        raise ValueError(f"power must be in (0, 1), got {power}")
    bounds, times = checked_looks(criticals, fractions)
    if not np.any(np.isfinite(bounds)):
        raise ValueError("criticals must hold a finite boundary")
    reachable = np.isfinite(bounds)
    high = float(np.min((bounds[reachable] + 9) / np.sqrt(times[reachable])))

    def shortfall(drift: float) -> float:
        return float(crossing_probabilities(bounds, times, drift=drift).upper[-1]) - power

    return float(scipy.optimize.brentq(shortfall, -high, high, xtol=1e-7))


def checked_looks(
    criticals: Sequence[float] | FloatArray, fractions: Sequence[float] | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the boundary and the times as arrays.

    Raises:
        ValueError: If the lengths differ or a number is out of range.
    """
    bounds = np.asarray(criticals, dtype=np.float64)
    times = np.asarray(fractions, dtype=np.float64)
    if bounds.ndim != 1 or bounds.size == 0 or bounds.shape != times.shape:
        raise ValueError(
            f"criticals and fractions must have one length, got {bounds.shape}, {times.shape}"
        )
    if not np.all(bounds > 0):
        raise ValueError(f"criticals must be positive, got {bounds.tolist()}")
    if not (np.all(np.diff(times) > 0) and times[0] > 0 and times[-1] < math.inf):
        raise ValueError(f"fractions must be positive and increase, got {times.tolist()}")
    return bounds, times


@cache
def _nodes(count: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = legendre.leggauss(count)
    return nodes, weights
