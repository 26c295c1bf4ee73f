"""Sums of an experiment until the end of each day, by phase and arm."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from experiments.models import GoalRollup, Rollup, Variant
from experiments.services.analysis.phase_strata import Strata
from experiments.services.rollups.arm_totals import ArmTotals, totals_by, totals_of, with_goal
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import FloatArray, SufficientStatistics

BuildStatistics = Callable[[Sequence[ArmTotals]], SufficientStatistics]
Cell = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyTotals:
    """New visitors of each day, stratum and arm, by their indices; days in order."""

    days: tuple[date, ...]
    cells: dict[Cell, ArmTotals]
    shape: tuple[int, int, int]

    def statistics(self, build: BuildStatistics) -> SufficientStatistics:
        """Return the sums until the end of each day, shape `(D, S, K)`."""
        return each_field(self.new_statistics(build), lambda field: field.cumsum(axis=0))

    def new_statistics(self, build: BuildStatistics) -> SufficientStatistics:
        """Return the sums of each day's new visitors, shape `(D, S, K)`."""
        cells = self.cells or {(0, 0, 0): ArmTotals()}
        indices = tuple(np.array(list(cells)).T)

        def placed(values: FloatArray) -> FloatArray:
            field = np.zeros(self.shape)
            field[indices] = values
            return field

        return each_field(build(list(cells.values())), placed)

    def arms(self) -> list[ArmTotals]:
        """Return the totals of each arm, over all days and strata."""
        return [
            totals_of(cell for (_, _, arm), cell in self.cells.items() if arm == index)
            for index in range(self.shape[2])
        ]

    def visitors_until(self, look: int) -> int:
        """Return the visitors of all arms until the end of a day."""
        return sum(cell.visitors for (day, _, _), cell in self.cells.items() if day <= look)

    def first_day_with(self, visitors: float | None, *, among: npt.NDArray[np.bool_]) -> int | None:
        """Return the index of the first of these days at whose end this many visitors are in."""
        if visitors is None:
            return None
        daily = np.zeros(len(among))
        for (day, _, _), cell in self.cells.items():
            daily[day] += cell.visitors
        is_reached = (daily.cumsum() >= visitors) & among
        return int(is_reached.argmax()) if is_reached.any() else None

    def until(self, look: int) -> "DailyTotals":
        """Return the totals of the days until this one, with it."""
        return DailyTotals(
            days=self.days[: look + 1],
            cells={cell: total for cell, total in self.cells.items() if cell[0] <= look},
            shape=(look + 1, *self.shape[1:]),
        )


def daily_totals(
    rollups: Sequence[Rollup], variants: Sequence[Variant], strata: Strata
) -> DailyTotals:
    """Return the totals of rollups; one empty day where there are none.

    Visitors of a phase that is none of the strata's are left out.
    """
    days = tuple(sorted({row.day for row in rollups}))
    day_of = {day: index for index, day in enumerate(days)}
    arm_of = {variant.pk: index for index, variant in enumerate(variants)}

    def cell_of(row: Rollup) -> Cell | None:
        stratum = strata.of(row.phase)
        return None if stratum is None else (day_of[row.day], stratum, arm_of[row.variant_id])

    totals = totals_by(rollups, cell_of)
    cells = {cell: total for cell, total in totals.items() if cell is not None}
    return DailyTotals(
        days=days, cells=cells, shape=(max(len(days), 1), len(strata.shares), len(variants))
    )


def with_goal_rows(
    daily: DailyTotals, rows: Iterable[GoalRollup], variants: Sequence[Variant], strata: Strata
) -> DailyTotals:
    """Return the visitors of each day with what they did towards another goal."""
    days = {day: index for index, day in enumerate(daily.days)}
    arms = {variant.pk: index for index, variant in enumerate(variants)}
    reached: dict[Cell, list[GoalRollup]] = {}
    for row in rows:
        day, stratum = days.get(row.day), strata.of(row.phase)
        # Left out: days that are not read, or of an unknown phase.
        if day is not None and stratum is not None:
            reached.setdefault((day, stratum, arms[row.variant_id]), []).append(row)
    cells = {cell: with_goal(total, reached.get(cell, ())) for cell, total in daily.cells.items()}
    return DailyTotals(days=daily.days, cells=cells, shape=daily.shape)
