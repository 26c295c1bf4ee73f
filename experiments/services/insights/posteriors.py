"""Bayesian panel of a report: beside the verdict, never part of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.services.analysis.report import ArmResult, Report
from experiments.services.insights.report_insights import Insights
from experiments.stats.bayesian.beta_binomial import best_of_rates, compare_rates
from experiments.stats.bayesian.beta_posterior import beta_posterior
from experiments.stats.bayesian.normal_model import BayesianResult, Scale, compare_normal


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPosterior:
    """Posterior of one arm; for the control only its chance to be the best.

    `against_control` rests on the flat prior, `with_prior` on the site's own where there is one.
    """

    arm: ArmResult
    chance_of_best: float
    against_control: BayesianResult | None
    with_prior: BayesianResult | None


def posteriors_of(report: Report, insights: Insights | None = None) -> tuple[ArmPosterior, ...]:
    """Return the beliefs; none for values or before every arm is seen."""
    counts = [(arm.successes, arm.visitors) for arm in report.arms]
    if len(counts) < 2 or any(successes is None or not n for successes, n in counts):
        return ()
    posteriors = [beta_posterior(clicks=successes or 0, n=n) for successes, n in counts]
    chances = best_of_rates(posteriors).probabilities
    level = 1 - report.experiment.alpha
    comparisons: Sequence[BayesianResult | None] = [
        None,
        *(
            compare_rates(posteriors[0], posterior, level=level, scale=Scale.LIFT)
            for posterior in posteriors[1:]
        ),
    ]
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


def _with_prior(report: Report, insights: Insights | None) -> dict[int, BayesianResult]:
    """Return by arm the comparison under the prior fitted from the site's own experiments."""
    if insights is None or insights.prior.prior is None:
        return {}
    prior, level = insights.prior.prior, 1 - report.experiment.alpha
    return {
        lift.arm: compare_normal(lift.estimate.lift, lift.estimate.se, prior=prior, level=level)
        for lift in insights.lifts
    }
