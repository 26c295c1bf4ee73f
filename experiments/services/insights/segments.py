"""Results by device, language, country and new or returning visitor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.models import Experiment
from experiments.services.analysis.comparisons import VALID_AT_EVERY_LOOK, planned_pairs
from experiments.services.analysis.metric_statistics import (
    Metric,
    grouped_statistics_of,
    is_enough,
)
from experiments.services.analysis.report import Report
from experiments.services.analysis.rollup_source import Counts
from experiments.services.insights.lift_estimates import log_lifts
from experiments.services.rollups.arm_totals import Outcomes, outcomes_of
from experiments.stats.meta_analysis.segments import Segment, SegmentReport, analyse_segments

# Most values tested per attribute, largest first: more would only cost power.
MOST_VALUES = 8
# Totals of each arm, control first, in each stratum.
StrataTotals = Sequence[Sequence[Outcomes]]
# Attribute -> value -> those of its visitors.
SegmentTotals = Mapping[str, Mapping[str, StrataTotals]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeResult:
    """One arm against the control in every segment of one attribute; effects are lifts.

    `hidden` values had too few visitors to be among the largest.
    """

    attribute: str
    arm: int
    result: SegmentReport
    hidden: int
    valid: str = VALID_AT_EVERY_LOOK


def segment_totals(report: Report, counts: Counts) -> SegmentTotals:
    """Return the totals of every segment, by stratum; an unknown phase belongs to none."""
    variants = report.experiment.variants.all()
    arms = {variant.pk: index for index, variant in enumerate(variants)}
    totals: dict[str, dict[str, list[list[Outcomes]]]] = {}
    # The order in which values of equally many visitors are shown.
    for cell, outcomes in sorted(counts.outcomes().items()):
        stratum = report.strata.of(cell.phase)
        if stratum is None:
            continue
        attribute, _, value = cell.segment.partition("=")
        values = totals.setdefault(attribute, {})
        if value not in values:
            values[value] = [[Outcomes()] * len(arms) for _ in report.strata.shares]
        of_arms, index = values[value][stratum], arms[cell.variant]
        of_arms[index] = outcomes_of((of_arms[index], outcomes))
    return totals


def segment_results(report: Report, totals: SegmentTotals) -> tuple[AttributeResult, ...]:
    """Return the results of the segments, by attribute and arm: one family, at every look.

    The values are chosen by their visitors alone, so no result picks itself.
    """
    variants = list(report.experiment.variants.all())
    planned = planned_pairs(report.experiment, variants)
    results = []
    for attribute, values in sorted(totals.items()):
        largest = sorted(values, key=lambda value: -_visitors(*values[value]))[:MOST_VALUES]
        segments = _segments(report.experiment, {value: values[value] for value in largest})
        for index, row in enumerate(report.comparisons):
            pair = report.totals[0], report.totals[index + 1]
            results.append(
                AttributeResult(
                    attribute=attribute,
                    arm=row.arm,
                    result=analyse_segments(
                        [of_arms[index] for of_arms in segments],
                        time=_visitors(pair) / planned[index],
                        family=len(totals) * len(report.comparisons),
                        alpha=report.experiment.alpha,
                    ),
                    hidden=len(values) - len(largest),
                )
            )
    return tuple(results)


def _segments(
    experiment: Experiment, values: Mapping[str, StrataTotals]
) -> Sequence[Sequence[Segment]]:
    """Return each value's comparisons of the arms with the control, within strata."""
    metric = Metric(experiment.primary_metric)
    lifts = log_lifts(grouped_statistics_of(experiment, list(values.values())))
    segments = []
    for (value, strata), of_arms in zip(values.items(), lifts, strict=True):
        sums = [outcomes_of(arm) for arm in zip(*strata, strict=True)]
        has_enough = [is_enough(metric, total) for total in sums]
        used = [
            lift if has_enough[0] and has_enough[arm] else None
            for arm, lift in enumerate(of_arms, start=1)
        ]
        segments.append(
            [
                Segment(
                    name=value,
                    n=_visitors((sums[0], sums[arm])),
                    log_lift=lift.value if lift else None,
                    se=lift.se if lift else None,
                )
                for arm, lift in enumerate(used, start=1)
            ]
        )
    return segments


def _visitors(*strata: Sequence[Outcomes]) -> int:
    return sum(total.visitors for totals in strata for total in totals)
