"""Looks at one arm: the path of its statistic beside the boundary that it had to reach."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from experiments.stats.estimation.contrasts import as_arrays, pair_information
from experiments.stats.estimation.sufficient_statistics import FloatArray, SufficientStatistics
from experiments.stats.sequential.looks import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLooks:
    """One look a day; a number a look.

    Days whose looks are exact, because of few clicks, have no boundary in standard errors and are
    left out, and so are days that brought no information.
    """

    days: tuple[date, ...]
    fractions: tuple[float, ...]  # information over that of the last look, increasing
    z: tuple[float, ...]
    criticals: tuple[float, ...]  # in standard errors


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftUntil:
    """Lift until the end of a day, and what the intervals of all looks until then leave."""

    day: date
    lift: float | None
    low: float | None
    high: float | None


def lift_paths(path: Path, days: tuple[date, ...]) -> list[tuple[LiftUntil, ...]]:
    """Return the confidence sequence of each arm but the control, adjusted for all arms.

    Days without a look, such as an unfinished one, have the interval of the looks before them.
    One that contradicts the earlier looks stands alone, as in the last look.
    """
    looks = path.look.comparisons
    is_look = np.isfinite(looks.p_value)
    low = np.fmax.accumulate(np.where(is_look, looks.lift_low, np.nan))
    high = np.fmin.accumulate(np.where(is_look, looks.lift_high, np.nan))
    is_empty = low >= high
    low, high = np.where(is_empty, looks.lift_low, low), np.where(is_empty, looks.lift_high, high)
    return [
        tuple(
            LiftUntil(
                day=day,
                lift=_known(looks.lift[look, arm]),
                low=_known(low[look, arm]),
                high=_known(high[look, arm]),
            )
            for look, day in enumerate(days)
        )
        for arm in range(low.shape[1])
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def arm_looks(
    path: Path, statistics: SufficientStatistics, days: tuple[date, ...]
) -> list[ArmLooks]:
    """Return the looks at each arm but the control; statistics of shape `(D, S, K)`."""
    (n,) = as_arrays(statistics.n)
    information = pair_information(n[..., :1], n[..., 1:]).sum(axis=-2)
    return [
        _looks(days, information[:, arm], path.look.z[:, arm], path.look.multiplier[:, arm])
        for arm in range(information.shape[1])
    ]


def _looks(
    days: tuple[date, ...], information: FloatArray, z: FloatArray, criticals: FloatArray
) -> ArmLooks:
    is_kept = np.isfinite(z) & (np.diff(information, prepend=0.0) > 0)
    return ArmLooks(
        days=tuple(days[look] for look in np.flatnonzero(is_kept)),
        fractions=tuple((information[is_kept] / max(information[-1], 1)).tolist()),
        z=tuple(z[is_kept].tolist()),
        criticals=tuple(criticals[is_kept].tolist()),
    )
