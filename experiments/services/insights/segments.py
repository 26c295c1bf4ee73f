"""Results by device, language, country and new or returning visitor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.models import Experiment
from experiments.services.analysis.comparisons import VALID_AT_EVERY_LOOK, planned_pairs
from experiments.services.analysis.metric_statistics import (
    Metric,
    is_enough,
    stratified_statistics_of,
)
from experiments.services.analysis.report import Report
from experiments.services.analysis.rollup_source import Counts
from experiments.services.insights.lift_estimates import log_lifts
from experiments.services.rollups.arm_totals import ArmTotals, totals_of
from experiments.stats.meta_analysis.segments import Segment, SegmentReport, analyse_segments

# Most values tested per attribute, largest first: more would only cost power.
MOST_VALUES = 8
# Totals of each arm, control first, in each stratum.
StrataTotals = Sequence[Sequence[ArmTotals]]
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
    totals: dict[str, dict[str, list[list[ArmTotals]]]] = {}
    for row in counts.segments():
        stratum = report.strata.of(row.phase)
        if stratum is None:
            continue
        attribute, _, value = row.segment.partition("=")
        values = totals.setdefault(attribute, {})
        of_strata = values.setdefault(
            value, [[ArmTotals() for _ in arms] for _ in report.strata.shares]
        )
        of_arms, index = of_strata[stratum], arms[row.variant_id]
        of_arms[index] = of_arms[index].plus(row)
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
        for index, row in enumerate(report.comparisons):
            pair = report.totals[0], report.totals[index + 1]
            segments = [
                _segment(report.experiment, value, values[value], index) for value in largest
            ]
            results.append(
                AttributeResult(
                    attribute=attribute,
                    arm=row.arm,
                    result=analyse_segments(
                        segments,
                        time=_visitors(pair) / planned[index],
                        family=len(totals) * len(report.comparisons),
                        alpha=report.experiment.alpha,
                    ),
                    hidden=len(values) - len(largest),
                )
            )
    return tuple(results)


def _segment(experiment: Experiment, value: str, totals: StrataTotals, index: int) -> Segment:
    """Return one arm against the control, compared within strata."""
    pairs = [(of_arms[0], of_arms[index + 1]) for of_arms in totals]
    sums = [totals_of(arm) for arm in zip(*pairs, strict=True)]
    estimate = (
        log_lifts(stratified_statistics_of(experiment, pairs))[0]
        if all(is_enough(Metric(experiment.primary_metric), total) for total in sums)
        else None
    )
    return Segment(
        name=value,
        n=_visitors(sums),
        log_lift=estimate.value if estimate else None,
        se=estimate.se if estimate else None,
    )


def _visitors(*strata: Sequence[ArmTotals]) -> int:
    return sum(total.visitors for totals in strata for total in totals)
