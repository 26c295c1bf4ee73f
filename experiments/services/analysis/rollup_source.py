"""Source of a report's sums: the stored rollups, or another count of the events."""

from collections.abc import Iterable
from functools import cached_property
from typing import Protocol, TypeVar

from experiments.models import CurrencyRollup, Experiment, GoalRollup, Rollup
from experiments.selectors import reports
from experiments.services.rollups.segment_outcomes import SegmentOutcomes, stored_outcomes

Row = TypeVar("Row", Rollup, GoalRollup)


class Counts(Protocol):
    """The sums of one experiment; each is asked for only when it is needed."""

    def everybody(self) -> Iterable[Rollup]: ...

    def outcomes(self) -> SegmentOutcomes: ...

    def segments(self) -> Iterable[Rollup]: ...

    def segment(self, name: str) -> Iterable[Rollup]: ...

    def goals(self) -> Iterable[GoalRollup]: ...

    def currencies(self) -> Iterable[CurrencyRollup]: ...


class StoredCounts:
    """The rollups in the database; of segments their sums, and single days only where asked for.

    The rows hold the experiment's own arms.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    @cached_property
    def _everybody(self) -> list[Rollup]:
        return self._with_arms(reports.rollups_of(self.experiment))

    def everybody(self) -> Iterable[Rollup]:
        return self._everybody

    @cached_property
    def _outcomes(self) -> SegmentOutcomes:
        return stored_outcomes(self.experiment)

    def outcomes(self) -> SegmentOutcomes:
        return self._outcomes

    def segments(self) -> Iterable[Rollup]:
        return self._with_arms(reports.segment_rollups_of(self.experiment))

    def segment(self, name: str) -> Iterable[Rollup]:
        return self._with_arms(reports.segment_rollups_of(self.experiment).filter(segment=name))

    @cached_property
    def _goals(self) -> list[GoalRollup]:
        return self._with_arms(reports.goal_rollups_of(self.experiment))

    def goals(self) -> Iterable[GoalRollup]:
        return self._goals

    def currencies(self) -> Iterable[CurrencyRollup]:
        return reports.currency_rollups_of(self.experiment)

    def _with_arms(self, rows: Iterable[Row]) -> list[Row]:
        """Return rows with the arms that are read already: a join would make each arm anew."""
        arms = {variant.pk: variant for variant in self.experiment.variants.all()}
        found = list(rows)
        for row in found:
            row.variant = arms[row.variant_id]
        return found


class PrefetchedCounts(StoredCounts):
    """Counts of an experiment that came with the rollups of everybody: no query for those."""

    def everybody(self) -> Iterable[Rollup]:
        return self.experiment.rollups.all()
