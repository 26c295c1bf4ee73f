"""Lifts corrected for the winner's curse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtri

from experiments.services.analysis.comparisons import ComparisonResult
from experiments.services.analysis.report import Report
from experiments.services.insights.lift_estimates import LiftEstimate
from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.health.data_quality import TooGood, check_too_good
from experiments.stats.meta_analysis.empirical_bayes import PriorFit
from experiments.stats.meta_analysis.winners_curse import (
    ShrunkenLift,
    believed_lift,
    pooled_lifts,
    significant_lift,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLift:
    """A lift with its correction and a check for being too good to be true.

    `expected` is None where nothing corrects it: one arm that has not won, and no prior.
    """

    arm: int
    estimate: LiftEstimate
    expected: ShrunkenLift | None
    too_good: TooGood


def checked_lifts(
    report: Report, fit: PriorFit, estimates: Sequence[LiftEstimate | None]
) -> tuple[CheckedLift, ...]:
    """Return those of the estimated lifts that exist, corrected by the best means at hand.

    The site's own prior corrects every arm, whenever it stopped. Without one, several arms
    correct each other; a single arm is corrected for having crossed its boundary.
    """
    pairs = zip(report.comparisons, estimates, strict=True)
    rows = [(row, estimate) for row, estimate in pairs if estimate is not None]
    prior = fit.prior if isinstance(fit.prior, NormalPrior) else None
    expected = _expected(rows, prior, report.experiment.alpha)
    return tuple(
        CheckedLift(
            arm=row.arm,
            estimate=estimate,
            expected=expected_lift,
            too_good=check_too_good(estimate.lift, estimate.se, prior=prior),
        )
        for (row, estimate), expected_lift in zip(rows, expected, strict=True)
    )


def _expected(
    rows: Sequence[tuple[ComparisonResult, LiftEstimate]], prior: NormalPrior | None, alpha: float
) -> list[ShrunkenLift | None]:
    if prior is not None:
        return [
            believed_lift(estimate.lift, estimate.se, prior=prior, level=1 - alpha)
            for _, estimate in rows
        ]
    if len(rows) > 1:
        return list(_pooled([estimate for _, estimate in rows], 1 - alpha))
    return [_selected(row, estimate, alpha) for row, estimate in rows]


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
    z_and_boundary = _z_and_boundary(row, estimate, alpha)
    if z_and_boundary is None:
        return None
    z, boundary = z_and_boundary
    result = significant_lift(
        estimate.lift, abs(estimate.lift) / z, critical=boundary, level=1 - alpha
    )
    return None if result.estimate is None else result


def _z_and_boundary(
    row: ComparisonResult, estimate: LiftEstimate, alpha: float
) -> tuple[float, float] | None:
    """Return the comparison's |z| and the boundary that it had to reach."""
    reading = row.decisive
    p_value, adjusted = reading.comparison.p_value, reading.p_value_adjusted
    ends = reading.comparison.effect_interval
    if p_value is None or adjusted is None or ends is None or not 0 < p_value < 1:
        return None
    if row.anytime is not None:
        half_width = (ends[1] - ends[0]) / 2
        return abs(estimate.effect) / estimate.effect_se, half_width / estimate.effect_se
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
