"""Median-unbiased estimate and interval after a sequential test, by the stage-wise ordering.

A test that stops at its boundary shows too large an effect, and its interval of one look covers
too seldom. The stage-wise ordering ranks the outcomes: stopped above, the earlier the higher;
then not stopped; then stopped below, the earlier the lower; at one look by the statistic. The
probability of an outcome as high as the observed one rises with the drift, so the drifts at
which it is 2.5, 50 and 97.5 % are a median-unbiased estimate and a 95 % interval. The ordering
needs no look after the one that stopped.

The paths are carried once, at the observed drift; another drift only weighs them by the
likelihood ratio exp(d B - d^2 t / 2) of two Brownian motions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import log_ndtr, ndtri

from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.sequential.stopping_probabilities import checked_looks, densities

# More looks are merged: the estimate moves by about 0.02 of its standard error.
MOST_LOOKS = 60
# Overshoot of a normal random walk over a boundary, in standard deviations of a step.
_OVERSHOOT = 0.5826
# Standard errors by which a drift may differ from the observed one.
_SPREAD = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftEstimate:
    """A drift with its interval; the drift is the mean of z sqrt(t) at t = 1.

    Attributes:
        drift: Median-unbiased estimate.
        interval: Interval of probability `level`.
        level: Probability of the interval.
    """

    drift: float
    interval: tuple[float, float]
    level: float


def stagewise_estimate(
    criticals: Sequence[float] | FloatArray,
    fractions: Sequence[float] | FloatArray,
    *,
    z: float,
    level: float = 0.95,
) -> DriftEstimate:
    """Return the drift that a two-sided sequential test shows at its last look.

    Args:
        criticals: Boundary at each look in standard errors, positive; infinity for "no stop".
            That of the last look has no influence.
        fractions: Information at each look over the planned one, increasing and positive; the
            last is that of `z`, and may be above 1.
        z: Effect over its standard error at the last look: the first that reached its boundary,
            or the last of a test that never did.
        level: Probability of the interval, in (0, 1).

    Returns:
        The estimate; with one look it is z / sqrt(t) and the usual interval.

    Raises:
        ValueError: If the lengths differ or a number is out of range.

    Source: Siegmund (1978), "Estimation following sequential tests", Biometrika 65; Jennison,
    Turnbull (2000), "Group sequential methods", sections 8.2 to 8.5.

    >>> result = stagewise_estimate([2.488, 2.403, 2.355], [0.2, 0.4, 0.6], z=2.9)
    >>> round(result.drift, 2), [round(end, 2) for end in result.interval]
    (3.36, [0.42, 6.05])
    """
    bounds, times = checked_looks(criticals, fractions)
    if not math.isfinite(z):
        raise ValueError(f"z must be finite, got {z}")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    sign = math.copysign(1.0, z)
    outcome = _Outcome.of(*_merged(bounds, times), z=abs(z))
    drift, low, high = (
        sign * outcome.drift_at(tail) for tail in (0.5, (1 - level) / 2, (1 + level) / 2)
    )
    return DriftEstimate(drift=drift, interval=(min(low, high), max(low, high)), level=level)


def with_later_data(
    first: DriftEstimate, *, z: float, fraction: float, later_z: float, later_fraction: float
) -> DriftEstimate:
    """Return the estimate together with the data that came after the first crossing.

    Later increments of the test are independent of the stop, so they carry no selection. The
    two parts are weighted by their information; the interval adds the squares of their
    distances (MOVER).

    Args:
        first: Stage-wise estimate at the crossing.
        z: Effect over its standard error at the crossing.
        fraction: Information at the crossing over the planned one, positive.
        later_z: Effect over its standard error in all data so far.
        later_fraction: Its information, at least that of the crossing.

    Returns:
        The estimate from all data; its median is off by less than 0.1 standard errors.

    Raises:
        ValueError: If the information falls.

    Source: Zou, Donner (2008), "Construction of confidence limits about effect measures: a
    general approach", Stat. Med. 27.

    >>> first = DriftEstimate(drift=2.0, interval=(0.0, 4.0), level=0.95)
    >>> both = with_later_data(first, z=2.2, fraction=0.5, later_z=2.2, later_fraction=1.0)
    >>> round(both.drift, 3)
    1.644
    """
    later = later_fraction - fraction
    if not (fraction > 0 and 0 <= later < math.inf):
        raise ValueError(f"the information must not fall, got {fraction}, then {later_fraction}")
    if later == 0:
        return first
    share = fraction / later_fraction
    increment = later_z * math.sqrt(later_fraction) - z * math.sqrt(fraction)
    drift = share * first.drift + increment / later_fraction
    reach = -float(ndtri((1 - first.level) / 2)) * math.sqrt(later) / later_fraction
    low, high = (math.hypot(share * (end - first.drift), reach) for end in first.interval)
    return DriftEstimate(drift=drift, interval=(drift - low, drift + high), level=first.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftScale:
    """The measured lift's scale, from all data so far.

    Attributes:
        base: Size of the control's mean, positive.
        effect_se: Standard error of the effect (the difference of the means), positive.
        lift_se: Standard error of the lift by the delta method, positive: more than the effect's
            over the base, by the noise of the base.
    """

    base: float
    effect_se: float
    lift_se: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedLift:
    """A lift corrected for the look at which the test stopped.

    Attributes:
        lift: Median-unbiased lift.
        interval: Interval of probability `level`.
        level: Probability of the interval.
        crossing: The look that it was corrected for.
    """

    lift: float
    interval: tuple[float, float]
    level: float
    crossing: int


def stopped_lift(
    criticals: FloatArray, fractions: FloatArray, z: FloatArray, *, scale: LiftScale, level: float
) -> StoppedLift:
    """Return the lift after the looks of a sequential test, with the data since its crossing.

    Args:
        criticals: As `stagewise_estimate`, shape (d,).
        fractions: Information at each look, in any unit, increasing and positive, shape (d,).
        z: Effect over its standard error at each look, shape (d,). The first that reaches its
            boundary is the crossing; without one, the last look is taken for it.
        scale: Scale of the lift at the last look.
        level: Probability of the interval, in (0, 1).

    Returns:
        The lift.

    Raises:
        ValueError: If the lengths differ or a number is out of range.

    >>> scale = LiftScale(base=0.05, effect_se=0.002, lift_se=0.042)
    >>> bounds, times = np.array([3.2, 2.5, 2.1]), np.array([0.5, 0.8, 1.0])
    >>> result = stopped_lift(bounds, times, np.array([2.0, 2.6, 2.7]), scale=scale, level=0.95)
    >>> result.crossing, round(result.lift, 4), round(2.7 * 0.002 / 0.05, 4)
    (1, 0.1077, 0.108)
    """
    bounds, times = checked_looks(criticals, fractions)
    reached = np.flatnonzero(np.abs(z) >= bounds)
    crossing = int(reached[0]) if reached.size else times.size - 1
    looks = slice(crossing + 1)
    first = stagewise_estimate(bounds[looks], times[looks], z=float(z[crossing]), level=level)
    drift = with_later_data(
        first,
        z=float(z[crossing]),
        fraction=float(times[crossing]),
        later_z=float(z[-1]),
        later_fraction=float(times[-1]),
    )
    # A drift is an effect in standard errors at t = 1.
    unit = scale.effect_se * math.sqrt(times[-1]) / scale.base
    wider = scale.lift_se * scale.base / scale.effect_se
    low, high = ((drift.drift + (end - drift.drift) * wider) * unit for end in drift.interval)
    return StoppedLift(
        lift=drift.drift * unit, interval=(low, high), level=level, crossing=crossing
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The observed outcome: P(as high an outcome), a sum over the points of all looks.

    Attributes:
        log_mass: Logarithm of each point's probability at the drift `centre`, shape (m,).
        points: Places of the motion, shape (m,).
        times: Time of each point, shape (m,).
        steps: Time from each point to the next look, shape (m,).
        edges: Level at that look from which an outcome is as high, shape (m,).
        centre: Drift at which the paths were carried.
        spread: Largest distance from it.
    """

    log_mass: FloatArray
    points: FloatArray
    times: FloatArray
    steps: FloatArray
    edges: FloatArray
    centre: float
    spread: float

    @classmethod
    def of(cls, bounds: FloatArray, times: FloatArray, *, z: float) -> "_Outcome":
        """Carry the paths up to the last look; z is at least 0."""
        edges = np.append(bounds[:-1] * np.sqrt(times[:-1]), z * math.sqrt(times[-1]))
        centre = z / math.sqrt(times[-1])
        spread = _SPREAD / math.sqrt(times[-1])
        carried = list(densities(bounds, times, drift=centre, spread=spread))
        sizes = [density.points.size for density in carried]
        starts = np.array([density.time for density in carried])
        with np.errstate(divide="ignore"):
            log_mass = np.log(np.concatenate([density.mass for density in carried]))
        return cls(
            log_mass=log_mass,
            points=np.concatenate([density.points for density in carried]),
            times=np.repeat(starts, sizes),
            steps=np.repeat(times[: len(carried)] - starts, sizes),
            edges=np.repeat(edges[: len(carried)], sizes),
            centre=centre,
            spread=spread,
        )

    def tail(self, drift: float) -> float:
        """Return P(outcome as high as the observed one; drift), increasing in the drift."""
        away = drift - self.centre
        # The carried drift is in the mass; what is added to it weighs the points.
        ratio = away * (self.points - self.centre * self.times) - away**2 * self.times / 2
        above = (self.points + drift * self.steps - self.edges) / np.sqrt(self.steps)
        return float(np.exp(self.log_mass + ratio + log_ndtr(above)).sum())

    def drift_at(self, target: float) -> float:
        """Return the drift whose tail is the target; an end of the range if none is."""
        low, high = self.centre - self.spread, self.centre + self.spread
        if self.tail(low) >= target:
            return low
        if self.tail(high) <= target:
            return high
        return float(
            scipy.optimize.brentq(lambda drift: self.tail(drift) - target, low, high, xtol=1e-9)
        )


def _merged(bounds: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leave out looks that stop nothing, and merge the others if they are too many.

    A boundary that is looked at less often must be lower to stop as many paths: by the
    difference of the overshoots (Siegmund 1985, section 10.4).
    """
    is_last = np.arange(times.size) == times.size - 1
    kept = np.flatnonzero(np.isfinite(bounds) | is_last)
    if kept.size <= MOST_LOOKS:
        return bounds[kept], times[kept]
    places = np.linspace(0, kept.size - 1, MOST_LOOKS).round().astype(int)
    kept = kept[places]
    return _lowered(bounds[kept], times[kept], before=np.diff(times, prepend=0.0)[kept])


def _lowered(
    bounds: FloatArray, times: FloatArray, *, before: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the boundary at fewer looks; `before` is the gap that each look had."""
    roots = np.sqrt(times)
    overshoot = _OVERSHOOT * (np.sqrt(np.diff(times, prepend=0.0)) - np.sqrt(before))
    return np.maximum(bounds - overshoot / roots, bounds / 2), times
