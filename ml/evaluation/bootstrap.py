"""Estimates with bootstrap intervals: contrast groups are drawn, never pairs or arms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.scoring.manifest import EstimateRecord

# Sums over a group by name: float64 (number of groups,) or (number of groups, k).
GroupSums = Mapping[str, NDArray[np.float64]]
# The same summed over groups, once for each draw: (draws,) or (draws, k).
Totals = Mapping[str, NDArray[np.float64]]

N_DRAWS = 2_000
# Draws at a time, so that memory does not grow with the number of draws.
CHUNK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its interval; all None when it is undefined.

    Args:
        value: The figure on the data as they are.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    value: float | None
    low: float | None
    high: float | None

    def record(self) -> EstimateRecord:
        """Return the estimate as a manifest holds it."""
        return {"value": self.value, "low": self.low, "high": self.high}


def total(sums: GroupSums) -> Totals:
    """Return the sums over all groups as a single draw.

    Args:
        sums: Sums of each group.

    >>> total({"hits": np.array([1.0, 2.0])})["hits"]
    array([3.])
    """
    return {name: values.sum(axis=0, keepdims=True) for name, values in sums.items()}


def resample(sums: GroupSums, *, rng: np.random.Generator, n_draws: int = N_DRAWS) -> Totals:
    """Return totals over groups drawn with replacement, the same draws for every name.

    Args:
        sums: Sums of each group, g >= 1 groups.
        rng: Source of the draws.
        n_draws: Number of bootstrap draws.

    Returns:
        Totals by name, (n_draws,) or (n_draws, k). Totals of one draw can be compared in pairs.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", section 8.5.

    >>> drawn = resample({"one": np.ones(5)}, rng=np.random.default_rng(1), n_draws=2)
    >>> drawn["one"]
    array([5., 5.])
    """
    n_groups = len(next(iter(sums.values())))
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in sums}
    for start in range(0, n_draws, CHUNK):
        weights = _draw_counts(rng, min(CHUNK, n_draws - start), n_groups)
        for name, values in sums.items():
            parts[name].append(weights @ values)
    return {name: np.concatenate(drawn) for name, drawn in parts.items()}


def estimate(
    statistic: Callable[[Totals], NDArray[np.float64]], whole: Totals, drawn: Totals
) -> Estimate:
    """Return a statistic of totals with its 95 % interval.

    Args:
        statistic: From totals to one figure a draw, NaN where it is undefined.
        whole: Totals of the data as they are.
        drawn: Bootstrap totals.

    >>> sums = {"hits": np.ones(4), "pairs": np.full(4, 2.0)}
    >>> draws = resample(sums, rng=np.random.default_rng(1), n_draws=9)
    >>> estimate(lambda totals: totals["hits"] / totals["pairs"], total(sums), draws)
    Estimate(value=0.5, low=0.5, high=0.5)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return interval(float(statistic(whole)[0]), statistic(drawn), level=0.95)


def interval(value: float, draws: NDArray[np.float64], *, level: float) -> Estimate:
    """Return a figure with the percentile interval of its bootstrap draws.

    Args:
        value: The figure on the data as they are; NaN when undefined.
        draws: The figure on each draw, NaN where it is undefined there.
        level: Share of the draws inside the interval, in (0, 1).

    >>> interval(2.0, np.array([1.0, 2.0, 3.0]), level=0.5)
    Estimate(value=2.0, low=1.5, high=2.5)
    """
    if np.isnan(value):
        return Estimate(value=None, low=None, high=None)
    tail = (1 - level) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    # Drawing adds noise, which a distance from zero like the calibration error only grows by:
    # its percentiles may all lie above the value.
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def _draw_counts(rng: np.random.Generator, n_draws: int, n_groups: int) -> NDArray[np.float64]:
    """Return how often each group was drawn, (n_draws, n_groups); each row sums to n_groups."""
    drawn = rng.integers(0, n_groups, size=(n_draws, n_groups))
    cell = drawn + n_groups * np.arange(n_draws)[:, None]
    counts = np.bincount(cell.ravel(), minlength=n_draws * n_groups)
    return counts.reshape(n_draws, n_groups).astype(np.float64)
