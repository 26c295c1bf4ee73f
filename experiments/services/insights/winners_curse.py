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
    known = [(row, found) for row, found in pairs if found is not None]
    prior = fit.prior if isinstance(fit.prior, NormalPrior) else None
    expected = _expected(known, prior, report.experiment.alpha)
    return tuple(
        CheckedLift(
            arm=row.arm,
            estimate=found,
            expected=one,
            too_good=check_too_good(found.lift, found.se, prior=prior),
        )
        for (row, found), one in zip(known, expected, strict=True)
    )


def _expected(
    known: Sequence[tuple[ComparisonResult, LiftEstimate]], prior: NormalPrior | None, alpha: float
) -> list[ShrunkenLift | None]:
    if prior is not None:
        return [believed_lift(one.lift, one.se, prior=prior, level=1 - alpha) for _, one in known]
    if len(known) > 1:
        return list(_pooled([one for _, one in known], 1 - alpha))
    return [_selected(row, one, alpha) for row, one in known]


def _pooled(known: Sequence[LiftEstimate], level: float) -> list[ShrunkenLift]:
    # Of the effects, whose errors share exactly the control's; then over the control's mean.
    pooled = pooled_lifts(
        [one.effect for one in known],
        [one.effect_se for one in known],
        shared_variance=known[0].shared_variance,
        level=level,
    )
    return [_over(one.base, effect) for one, effect in zip(known, pooled, strict=True)]


def _selected(row: ComparisonResult, one: LiftEstimate, alpha: float) -> ShrunkenLift | None:
    reached = _reached(row, one, alpha)
    if reached is None:
        return None
    z, boundary = reached
    result = significant_lift(one.lift, abs(one.lift) / z, critical=boundary, level=1 - alpha)
    return None if result.estimate is None else result


def _reached(row: ComparisonResult, one: LiftEstimate, alpha: float) -> tuple[float, float] | None:
    """Return the comparison's |z| and the boundary that it had to reach."""
    reading = row.decisive
    p_value, adjusted = reading.comparison.p_value, reading.p_value_adjusted
    ends = reading.comparison.effect_interval
    if p_value is None or adjusted is None or ends is None or not 0 < p_value < 1:
        return None
    if row.anytime is not None:
        return abs(one.effect) / one.effect_se, (ends[1] - ends[0]) / 2 / one.effect_se
    # The level at which this p-value would just have been rejected, by its step of Holm.
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
