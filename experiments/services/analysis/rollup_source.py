"""Where a report's sums come from: the rollups that are stored, or another count of the events."""

from collections.abc import Iterable
from typing import Protocol

from experiments.models import Experiment, GoalRollup, Rollup
from experiments.selectors import reports


class Counts(Protocol):
    """The sums of one experiment; each is asked for only when it is needed."""

    def everybody(self) -> Iterable[Rollup]: ...

    def segments(self) -> Iterable[Rollup]: ...

    def goals(self) -> Iterable[GoalRollup]: ...


class StoredCounts:
    """The rollups in the database; a query each."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    def everybody(self) -> Iterable[Rollup]:
        return reports.rollups_of(self.experiment)

    def segments(self) -> Iterable[Rollup]:
        return reports.segment_rollups_of(self.experiment)

    def goals(self) -> Iterable[GoalRollup]:
        return reports.goal_rollups_of(self.experiment)
