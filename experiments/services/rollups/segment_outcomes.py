"""Outcomes of the visitors of each segment, phase and arm, added up over days."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import add
from typing import Any, NamedTuple

from experiments.models import Experiment, Rollup
from experiments.selectors import reports
from experiments.services.rollups.arm_totals import Outcomes, outcomes_by


class SegmentCell(NamedTuple):
    """One arm, by its primary key, in one phase and segment."""

    segment: str
    phase: int
    variant: int


NAMES = (*reports.SEGMENT_COUNTS, *reports.SEGMENT_VALUES)
SegmentOutcomes = Mapping[SegmentCell, Outcomes]


def outcomes_by_segment(rollups: Iterable[Rollup]) -> SegmentOutcomes:
    """Return the sums of the rollups of segments."""
    return outcomes_by(rollups, lambda row: SegmentCell(row.segment, row.phase, row.variant_id))


def stored_outcomes(experiment: Experiment) -> SegmentOutcomes:
    """Return the same as `outcomes_by_segment` of the stored rollups, without a row of each day.

    The database adds the counts. SQLite cannot add sums of values exactly: rows with a value are
    read for those, and there are none where only clicks count.
    """
    nothing = [Decimal(0)] * len(reports.SEGMENT_VALUES)
    values: dict[SegmentCell, list[Decimal]] = {}
    for segment, phase, variant, *row in reports.segment_values_of(experiment):
        cell = SegmentCell(segment, phase, variant)
        values[cell] = list(map(add, values.get(cell, nothing), row))
    outcomes = {}
    for segment, phase, variant, *counts in reports.segment_counts_of(experiment):
        cell = SegmentCell(segment, phase, variant)
        sums: list[Any] = [*counts, *values.get(cell, nothing)]
        outcomes[cell] = Outcomes(**dict(zip(NAMES, sums, strict=True)))
    return outcomes
