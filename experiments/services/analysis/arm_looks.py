"""Looks at one arm: the path of its statistic beside the boundary that it had to reach."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.contrasts import as_arrays, pair_information
from experiments.stats.estimation.sufficient_statistics import SufficientStatistics
from experiments.stats.sequential.comparison import Look
from experiments.stats.sequential.looks import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLooks:
    """One look a day; a number a look.

    Days whose looks are exact, because of few clicks, have no boundary in standard errors and are
    left out, and so are days that brought no information.
    """

    days: tuple[date, ...]
    fractions: tuple[float, ...]  # time of the test over that of the last look, increasing
    z: tuple[float, ...]
    criticals: tuple[float, ...]  # in standard errors
    effect_se: float | None = None  # standard error of the effect at the last look


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
    is_kept = np.isfinite(path.look.z)
    for growing in (information, path.look.time):
        is_kept &= np.diff(growing, axis=0, prepend=0.0) > 0
    return [_looks(days, path.look, is_kept[:, arm], arm) for arm in range(is_kept.shape[1])]


def _looks(
    days: tuple[date, ...], look: Look, is_kept: npt.NDArray[np.bool_], arm: int
) -> ArmLooks:
    if not is_kept.any():
        return ArmLooks(days=(), fractions=(), z=(), criticals=())
    time = look.time[:, arm]
    return ArmLooks(
        days=tuple(days[place] for place in np.flatnonzero(is_kept)),
        fractions=tuple((time[is_kept] / time[-1]).tolist()),
        z=tuple(look.z[is_kept, arm].tolist()),
        criticals=tuple(look.multiplier[is_kept, arm].tolist()),
        effect_se=_known(look.standard_error[is_kept, arm][-1]),
    )
