"""Comparison that a reader chose: any two arms, metric, segment and days. It is no verdict.

A span of days is one look that was chosen after the fact. No figure here is adjusted for the
number of arms, nor for what else was looked at; the verdict rests on the report's own readings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from django.utils.translation import gettext as _

from experiments.models import Rollup, Variant
from experiments.services.analysis.comparisons import (
    compare_once,
    is_sequential,
    last_look,
    schedule_of,
)
from experiments.services.analysis.covariate_adjustment import is_adjustable
from experiments.services.analysis.daily_sums import DailyTotals, daily_totals, with_goal_rows
from experiments.services.analysis.metric_statistics import (
    SUCCESSES,
    adjusted_statistics_of,
    statistics_of_metric,
)
from experiments.services.analysis.phase_strata import Strata
from experiments.services.analysis.report import Report
from experiments.services.analysis.rollup_source import Counts
from experiments.services.exploration.report_view import (
    ReportView,
    ViewRefusedError,
    parse_view,
    view_offer,
)
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.estimation.comparisons import Comparison
from experiments.stats.estimation.contrasts import raw_estimates
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import SufficientStatistics
from experiments.stats.sequential.looks import compare_looks


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedArm:
    """One of the two arms; `successes` is None unless the metric is a rate."""

    arm: int
    key: str
    text: str
    visitors: int
    successes: int | None
    mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSums:
    """The sums that a view rests on: new visitors of each day, stratum and arm, `(D, S, K)`.

    `arms` are the keys of all arms, the one compared with first, then the chosen one.
    """

    days: tuple[date, ...]
    arms: tuple[str, ...]
    statistics: SufficientStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenComparison:
    """The comparison of a view; `arms` are the one compared with and the one chosen.

    `fixed` holds for one planned look, `sequential` at every look; None where it was not asked
    for or does not exist. `is_adjusted`: with what was known before (CUPED).
    """

    view: ReportView
    arms: tuple[ViewedArm, ViewedArm]
    fixed: Comparison | None
    sequential: Comparison | None
    is_adjusted: bool
    alpha: float
    sums: ViewSums

    @property
    def is_rate(self) -> bool:
        return self.view.metric.metric in SUCCESSES


def chosen_comparison(query: Mapping[str, str], report: Report, counts: Counts) -> ChosenComparison:
    """Return the comparison that an address chooses of the report, from the same counts.

    Raises:
        ViewRefusedError: If the choices make no sense.
    """
    return compare_chosen(parse_view(query, view_offer(report, counts)), report, counts)


def compare_chosen(view: ReportView, report: Report, counts: Counts) -> ChosenComparison:
    """Return the comparison of a view of the report, from the same counts.

    Raises:
        ViewRefusedError: If CUPED was chosen and too few visitors have a history.
    """
    variants = _reordered(view, list(report.experiment.variants.all()))
    strata = _reordered_strata(view, report.strata)
    daily = _sums(view, report, counts, variants, strata)
    new, is_adjusted = _new_statistics(view, report, daily)
    statistics = each_field(new, lambda field: field.cumsum(axis=0))
    alpha = report.experiment.alpha
    wants_fixed = view.reading != "sequential"
    fixed = compare_once(last_look(statistics), np.array(alpha)).rows()[0] if wants_fixed else None
    return ChosenComparison(
        view=view,
        arms=_arms(view, report, daily, variants),
        fixed=fixed,
        sequential=_sequential(view, report, daily, strata, statistics),
        is_adjusted=is_adjusted,
        alpha=alpha,
        sums=ViewSums(
            days=daily.days, arms=tuple(variant.key for variant in variants), statistics=new
        ),
    )


def _order(view: ReportView, n_arms: int) -> list[int]:
    """Return the arms with the one compared with first, as a control, then the chosen one."""
    chosen = [view.against, view.arm]
    return [*chosen, *(arm for arm in range(n_arms) if arm not in chosen)]


def _reordered(view: ReportView, variants: Sequence[Variant]) -> list[Variant]:
    return [variants[index] for index in _order(view, len(variants))]


def _reordered_strata(view: ReportView, strata: Strata) -> Strata:
    return replace(strata, shares=strata.shares[:, _order(view, strata.shares.shape[1])])


def _sums(
    view: ReportView,
    report: Report,
    counts: Counts,
    variants: Sequence[Variant],
    strata: Strata,
) -> DailyTotals:
    rows: Sequence[Rollup] = report.rollups
    if view.segment:
        rows = list(counts.segment(view.segment))
    last = _last_day_read(view, report)
    rows = [row for row in rows if view.has_day(row.day) and (last is None or row.day <= last)]
    daily = daily_totals(rows, variants, strata)
    if view.metric.is_primary or not view.metric.goal:
        return daily
    goal_rows = [row for row in counts.goals() if row.goal == view.metric.goal]
    return with_goal_rows(daily, goal_rows, variants, strata)


def _last_day_read(view: ReportView, report: Report) -> date | None:
    """Return the end of a fixed plan, behind which its report does not read; None with a span."""
    return report.plan.read_until if report.plan and not view.has_span else None


def _new_statistics(
    view: ReportView, report: Report, daily: DailyTotals
) -> tuple[SufficientStatistics, bool]:
    """Return each day's sums, shape `(D, S, K)`, and whether CUPED is used."""
    can_adjust = view.metric.is_primary and is_adjustable(daily.arms())
    if view.cuped and not can_adjust:
        text = _("Too few of these visitors have a past: CUPED cannot be used.")
        raise ViewRefusedError({"cuped": text})
    if can_adjust and view.cuped is not False:
        experiment = report.experiment
        return daily.new_statistics(lambda cells: adjusted_statistics_of(experiment, cells)), True
    metric = view.metric.metric
    return daily.new_statistics(lambda cells: statistics_of_metric(metric, cells)), False


def _sequential(
    view: ReportView,
    report: Report,
    daily: DailyTotals,
    strata: Strata,
    statistics: SufficientStatistics,
) -> Comparison | None:
    """Return what holds at every look of the pair, were it the only one."""
    if view.reading == "fixed" or view.has_span or not is_sequential(report.experiment):
        return None
    schedule = schedule_of(report.experiment, daily, strata, report.as_of)
    if view.segment:
        # The plan counts everybody; without one a normal mixture holds for any number.
        schedule = replace(schedule, planned_visitors=None)
    return compare_looks(statistics, schedule).comparisons.rows()[0]


def _arms(
    view: ReportView, report: Report, daily: DailyTotals, variants: Sequence[Variant]
) -> tuple[ViewedArm, ViewedArm]:
    totals = daily.arms()[:2]
    means = raw_estimates(statistics_of_metric(view.metric.metric, totals)).mean.tolist()
    first, second = (
        _arm(view, report, variant, total, mean)
        for variant, total, mean in zip(variants[:2], totals, means, strict=True)
    )
    return first, second


def _arm(
    view: ReportView, report: Report, variant: Variant, total: ArmTotals, mean: float
) -> ViewedArm:
    column = SUCCESSES.get(view.metric.metric)
    return ViewedArm(
        arm=variant.arm,
        key=variant.key,
        text=report.arms[variant.arm].text,
        visitors=total.visitors,
        successes=None if column is None else getattr(total, column),
        mean=mean if np.isfinite(mean) else None,
    )
