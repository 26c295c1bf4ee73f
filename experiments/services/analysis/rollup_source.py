"""Source of a report's sums: the stored rollups, or another count of the events."""

from collections import namedtuple
from collections.abc import Iterable
from functools import cache, cached_property
from typing import Any, Protocol

from django.db.models import QuerySet

from experiments.models import CurrencyRollup, Experiment, GoalRollup, Rollup
from experiments.models.rollup import AMOUNTS, GOAL_AMOUNTS
from experiments.selectors import reports
from experiments.services.rollups.segment_outcomes import SegmentOutcomes, stored_outcomes

# Fields that a report reads of a row, and the row's arm.
_ROLLUP = ("segment", "day", "phase", "variant_id", *AMOUNTS)
_GOAL_ROLLUP = ("goal", "day", "phase", "variant_id", *GOAL_AMOUNTS)


class Counts(Protocol):
    """The sums of one experiment; each is asked for only when it is needed.

    Rows are read, never saved: they may be tuples with the fields of a model.
    """

    def everybody(self) -> Iterable[Rollup]: ...

    def outcomes(self) -> SegmentOutcomes: ...

    def segments(self) -> Iterable[Rollup]: ...

    def segment(self, name: str) -> Iterable[Rollup]: ...

    def goals(self) -> Iterable[GoalRollup]: ...

    def currencies(self) -> Iterable[CurrencyRollup]: ...


class StoredCounts:
    """The rollups in the database; of segments their sums, and single days only where asked for.

    Rows are tuples, and hold the experiment's own arms: hundreds of model instances take longer
    than what is computed of them.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    @cached_property
    def _everybody(self) -> list[Rollup]:
        return self._rollups(reports.rollups_of(self.experiment))

    def everybody(self) -> Iterable[Rollup]:
        return self._everybody

    @cached_property
    def _outcomes(self) -> SegmentOutcomes:
        return stored_outcomes(self.experiment)

    def outcomes(self) -> SegmentOutcomes:
        return self._outcomes

    def segments(self) -> Iterable[Rollup]:
        return self._rollups(reports.segment_rollups_of(self.experiment))

    def segment(self, name: str) -> Iterable[Rollup]:
        return self._rollups(reports.segment_rollups_of(self.experiment).filter(segment=name))

    @cached_property
    def _goals(self) -> list[GoalRollup]:
        rows = reports.goal_rollups_of(self.experiment).values_list(*_GOAL_ROLLUP)
        return self._with_arms(_GOAL_ROLLUP, rows)

    def goals(self) -> Iterable[GoalRollup]:
        return self._goals

    def currencies(self) -> Iterable[CurrencyRollup]:
        return reports.currency_rollups_of(self.experiment)

    def _rollups(self, rows: QuerySet[Rollup]) -> list[Rollup]:
        return self._with_arms(_ROLLUP, rows.values_list(*_ROLLUP))

    def _with_arms(self, fields: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[Any]:
        arms = {variant.pk: variant for variant in self.experiment.variants.all()}
        row_of, arm = _row_type(fields), fields.index("variant_id")
        return [row_of(*row, arms[row[arm]]) for row in rows]


@cache
def _row_type(fields: tuple[str, ...]) -> Any:
    return namedtuple("_Row", (*fields, "variant"))


class PrefetchedCounts(StoredCounts):
    """Counts of an experiment that came with the rollups of everybody: no query for those."""

    def everybody(self) -> Iterable[Rollup]:
        return self.experiment.rollups.all()
