"""Bayesian panel of a report: beside the verdict, never part of it.

Under the site's own prior a chance means what it says whenever one looks and stops, so that
panel is always shown. Under the flat prior it does not: read daily, a chance to beat the control
above 95 % turns up in a fifth of the experiments of two equal arms, and in two fifths of those
of five. That panel waits for the plan's end, where it is read once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.services.analysis.report import ArmResult, Report
from experiments.services.insights.report_insights import Insights
from experiments.services.insights.winners_curse import CheckedLift
from experiments.stats.bayesian.beta_binomial import best_of_rates, compare_rates
from experiments.stats.bayesian.beta_posterior import beta_posterior
from experiments.stats.bayesian.normal_model import (
    BayesianResult,
    Scale,
    compare_normal,
    relative_losses,
)
from experiments.stats.bayesian.priors import Prior


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPosterior:
    """Posterior of one arm; for the control only its chance to be the best.

    `chance_of_best` and `against_control` rest on the flat prior and are None before the plan's
    end. `with_prior` rests on the site's own prior and is None where there is none.
    """

    arm: ArmResult
    chance_of_best: float | None
    against_control: BayesianResult | None
    with_prior: BayesianResult | None


def posteriors_of(
    report: Report, insights: Insights | None = None, *, plan_ended: bool
) -> tuple[ArmPosterior, ...]:
    """Return the beliefs; none for values or before every arm is seen."""
    counts = [(arm.successes, arm.visitors) for arm in report.arms]
    if len(counts) < 2 or any(successes is None or not n for successes, n in counts):
        return ()
    chances: Sequence[float | None] = [None] * len(counts)
    comparisons: Sequence[BayesianResult | None] = [None] * len(counts)
    if plan_ended:
        chances, comparisons = _with_flat_prior(report)
    informed = _with_prior(report, insights)
    return tuple(
        ArmPosterior(
            arm=arm,
            chance_of_best=chance,
            against_control=result,
            with_prior=informed.get(arm.arm),
        )
        for arm, chance, result in zip(report.arms, chances, comparisons, strict=True)
    )


def _with_flat_prior(
    report: Report,
) -> tuple[Sequence[float], Sequence[BayesianResult | None]]:
    """Return each arm's chance to be the best, and the comparisons, None for the control."""
    posteriors = [beta_posterior(clicks=arm.successes or 0, n=arm.visitors) for arm in report.arms]
    level = 1 - report.experiment.alpha
    comparisons = [
        compare_rates(posteriors[0], posterior, level=level, scale=Scale.LIFT)
        for posterior in posteriors[1:]
    ]
    return best_of_rates(posteriors).probabilities, [None, *comparisons]


def _with_prior(report: Report, insights: Insights | None) -> dict[int, BayesianResult]:
    """Return by arm the comparison under the prior fitted from the site's own experiments."""
    if insights is None or insights.prior.prior is None:
        return {}
    prior, level = insights.prior.prior, 1 - report.experiment.alpha
    return {lift.arm: _informed(lift, prior, level) for lift in insights.lifts}


def _informed(lift: CheckedLift, prior: Prior, level: float) -> BayesianResult:
    estimate = lift.estimate
    result = compare_normal(estimate.lift, estimate.se, prior=prior, level=level)
    loss, loss_control = relative_losses(
        estimate.effect, estimate.effect_se, base=estimate.base, prior=prior
    )
    return replace(result, expected_loss=loss, expected_loss_control=loss_control)
