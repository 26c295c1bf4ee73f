"""Lifts corrected for the winner's curse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtri

from experiments.services.analysis.comparisons import ComparisonResult, is_sequential
from experiments.services.analysis.report import Report
from experiments.services.insights.lift_estimates import LiftEstimate
from experiments.services.insights.stagewise_lift import StagewiseLift, stagewise_lift
from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.health.data_quality import TooGood, check_too_good
from experiments.stats.meta_analysis.empirical_bayes import PriorFit
from experiments.stats.meta_analysis.winners_curse import (
    ShrunkenLift,
    believed_lift,
    pooled_lifts,
    significant_lift,
    weakly_believed_lift,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLift:
    """A lift with its correction and a check for being too good to be true.

    `expected` is None where nothing corrects it: one arm that has not won, and no prior of the
    site. `stagewise` is the lift corrected for when a sequential test stopped, before any prior;
    None before the arm crossed its boundary or the experiment ended.
    """

    arm: int
    estimate: LiftEstimate
    stagewise: StagewiseLift | None
    expected: ShrunkenLift | None
    too_good: TooGood


def checked_lifts(
    report: Report, fit: PriorFit, estimates: Sequence[LiftEstimate | None]
) -> tuple[CheckedLift, ...]:
    """Return those of the estimated lifts that exist, corrected by the best means at hand.

    The site's own prior corrects every arm, whenever it stopped. Without one, several arms
    correct each other; a single arm is corrected for having crossed its boundary: under a
    sequential plan for the day on which it did, or for having ended before, with a weak prior
    beside it.
    """
    pairs = zip(report.comparisons, estimates, strict=True)
    rows = [(row, estimate) for row, estimate in pairs if estimate is not None]
    level = 1 - report.experiment.alpha
    has_ended = report.experiment.stopped_at is not None
    stops = [
        stagewise_lift(row, estimate, level=level, has_ended=has_ended) for row, estimate in rows
    ]
    expected = _expected(report, rows, stops, fit.prior)
    return tuple(
        CheckedLift(
            arm=row.arm,
            estimate=estimate,
            stagewise=stop,
            expected=expected_lift,
            too_good=check_too_good(estimate.lift, estimate.se, prior=fit.prior),
        )
        for (row, estimate), stop, expected_lift in zip(rows, stops, expected, strict=True)
    )


def _expected(
    report: Report,
    rows: Sequence[tuple[ComparisonResult, LiftEstimate]],
    stops: Sequence[StagewiseLift | None],
    prior: NormalPrior | None,
) -> list[ShrunkenLift | None]:
    alpha = report.experiment.alpha
    if prior is not None:
        return [
            believed_lift(estimate.lift, estimate.se, prior=prior, level=1 - alpha)
            for _, estimate in rows
        ]
    if len(rows) > 1:
        return list(_pooled([estimate for _, estimate in rows], 1 - alpha))
    if is_sequential(report.experiment):
        measured = [estimate.lift for _, estimate in rows]
        return [_weakly_believed(*pair) for pair in zip(measured, stops, strict=True)]
    return [_selected(row, estimate, alpha) for row, estimate in rows]


def _weakly_believed(measured: float, stop: StagewiseLift | None) -> ShrunkenLift | None:
    if stop is None:
        return None
    return weakly_believed_lift(measured, stop.lift, stop.interval, level=stop.level)


def _pooled(estimates: Sequence[LiftEstimate], level: float) -> list[ShrunkenLift]:
    # Pool the effects, whose errors share exactly the control's; then divide by its mean.
    pooled = pooled_lifts(
        [estimate.effect for estimate in estimates],
        [estimate.effect_se for estimate in estimates],
        shared_variance=estimates[0].shared_variance,
        level=level,
    )
    return [
        _over(estimate.base, effect) for estimate, effect in zip(estimates, pooled, strict=True)
    ]


def _selected(row: ComparisonResult, estimate: LiftEstimate, alpha: float) -> ShrunkenLift | None:
    z_and_boundary = _z_and_boundary(row, alpha)
    if z_and_boundary is None:
        return None
    z, boundary = z_and_boundary
    result = significant_lift(
        estimate.lift, abs(estimate.lift) / z, critical=boundary, level=1 - alpha
    )
    return None if result.estimate is None else result


def _z_and_boundary(row: ComparisonResult, alpha: float) -> tuple[float, float] | None:
    """Return the |z| of a comparison read once, and the boundary that it had to reach."""
    p_value, adjusted = row.fixed.comparison.p_value, row.fixed.p_value_adjusted
    if p_value is None or adjusted is None or not 0 < p_value < 1:
        return None
    # The level at which Holm's step would just have rejected this p-value.
    step = alpha * p_value / adjusted
    return -float(ndtri(p_value / 2)), -float(ndtri(step / 2))


def _over(base: float, effect: ShrunkenLift) -> ShrunkenLift:
    """Return an effect's correction as one of the lift."""
    interval = effect.interval
    return replace(
        effect,
        raw=effect.raw / base,
        estimate=None if effect.estimate is None else effect.estimate / base,
        interval=None if interval is None else (interval[0] / base, interval[1] / base),
    )
