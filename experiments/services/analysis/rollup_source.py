"""Source of a report's sums: the stored rollups, or another count of the events."""

from collections.abc import Iterable
from functools import cached_property
from typing import Protocol

from experiments.models import CurrencyRollup, Experiment, GoalRollup, Rollup
from experiments.selectors import reports


class Counts(Protocol):
    """The sums of one experiment; each is asked for only when it is needed."""

    def everybody(self) -> Iterable[Rollup]: ...

    def segments(self) -> Iterable[Rollup]: ...

    def goals(self) -> Iterable[GoalRollup]: ...

    def currencies(self) -> Iterable[CurrencyRollup]: ...


class StoredCounts:
    """The rollups in the database: one query for everybody and segments, another for goals."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    @cached_property
    def _rollups(self) -> list[Rollup]:
        return list(reports.all_rollups_of(self.experiment))

    def everybody(self) -> Iterable[Rollup]:
        return [row for row in self._rollups if not row.segment]

    def segments(self) -> Iterable[Rollup]:
        return [row for row in self._rollups if row.segment]

    @cached_property
    def _goals(self) -> list[GoalRollup]:
        return list(reports.goal_rollups_of(self.experiment))

    def goals(self) -> Iterable[GoalRollup]:
        return self._goals

    def currencies(self) -> Iterable[CurrencyRollup]:
        return reports.currency_rollups_of(self.experiment)


class PrefetchedCounts(StoredCounts):
    """Counts of an experiment that came with the rollups of everybody: no query for those."""

    def everybody(self) -> Iterable[Rollup]:
        return self.experiment.rollups.all()
