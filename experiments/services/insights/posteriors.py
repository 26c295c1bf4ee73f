"""Bayesian panel of a report: beside the verdict, never part of it.

Chances under the site's own prior are calibrated at every look and every stop, so that panel is
always shown. Those under the flat prior are not: read daily, a chance to beat the control above
95 % turns up in a fifth of the experiments of two equal arms, and in two fifths of those of five.
That panel waits for the plan's end, where it is read once. After a change of shares the normal
model compares the effects within phases.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from experiments.services.analysis.report import ArmResult, Report
from experiments.services.insights.lift_estimates import LiftEstimate, estimates_of
from experiments.services.insights.report_insights import Insights
from experiments.stats.bayesian.best_arm import best_by_draws, lifts_with_prior
from experiments.stats.bayesian.beta_binomial import best_of_rates, compare_rates
from experiments.stats.bayesian.beta_posterior import beta_posterior
from experiments.stats.bayesian.normal_model import (
    BayesianResult,
    Scale,
    compare_normal,
    relative_losses,
)
from experiments.stats.bayesian.priors import FlatPrior, Prior
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion

# Of the draws for the chance to be the best: every look at the same counts shows the same.
SEED = 20_261_128
# Each arm's chance to be the best, and its comparison with the control.
FlatPanel = tuple[Sequence[float | None], Sequence[BayesianResult | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPosterior:
    """Posterior of one arm; for the control only its chance to be the best.

    `chance_of_best` and `against_control` rest on the flat prior and are None before the plan's
    end. `with_prior` and `chance_of_best_with_prior` rest on the site's own prior and are None
    where there is none.
    """

    arm: ArmResult
    chance_of_best: float | None
    against_control: BayesianResult | None
    with_prior: BayesianResult | None
    chance_of_best_with_prior: float | None = None


def posteriors_of(
    report: Report, insights: Insights | None = None, *, plan_ended: bool
) -> tuple[ArmPosterior, ...]:
    """Return the beliefs; none for values or before every arm is seen."""
    counts = [(arm.successes, arm.visitors) for arm in report.arms]
    if len(counts) < 2 or any(successes is None or not n for successes, n in counts):
        return ()
    nothing = [None] * len(counts)
    chances, comparisons = _with_flat_prior(report) if plan_ended else (nothing, nothing)
    informed, best = _with_prior(report, insights), _best_with_prior(report, insights)
    return tuple(
        ArmPosterior(
            arm=arm,
            chance_of_best=chance,
            against_control=result,
            with_prior=informed.get(arm.arm),
            chance_of_best_with_prior=best.get(arm.arm),
        )
        for arm, chance, result in zip(report.arms, chances, comparisons, strict=True)
    )


def _with_flat_prior(report: Report) -> FlatPanel:
    """Return the panel of the visitors that the decisive reading counts."""
    statistics = report.statistics
    if isinstance(statistics, Proportion) and not report.strata.has_changed_shares:
        clicks, n = np.asarray(statistics.sum)[0], np.asarray(statistics.n)[0]
        return _of_rates(clicks.tolist(), n.tolist(), level=1 - report.experiment.alpha)
    return _within_phases(report)


def _of_rates(clicks: Sequence[float], n: Sequence[float], *, level: float) -> FlatPanel:
    posteriors = [
        beta_posterior(clicks=c, n=visitors) for c, visitors in zip(clicks, n, strict=True)
    ]
    comparisons = [
        compare_rates(posteriors[0], posterior, level=level, scale=Scale.LIFT)
        for posterior in posteriors[1:]
    ]
    return best_of_rates(posteriors).probabilities, [None, *comparisons]


def _within_phases(report: Report) -> FlatPanel:
    """Return the panel from effects within phases; nothing where one of them is unknown."""
    estimates = [estimate for estimate in estimates_of(report) if estimate is not None]
    if len(estimates) < len(report.comparisons):
        return [None] * len(report.arms), [None] * len(report.arms)
    level = 1 - report.experiment.alpha
    comparisons = [_normal(estimate, FlatPrior(), level) for estimate in estimates]
    shared = min(estimate.shared_variance for estimate in estimates)
    errors = np.full((len(estimates), len(estimates)), shared)
    np.fill_diagonal(errors, [estimate.effect_se**2 for estimate in estimates])
    chances = _chances_of_best([estimate.effect for estimate in estimates], errors)
    return chances, [None, *comparisons]


def _chances_of_best(means: npt.ArrayLike, covariance: FloatArray) -> tuple[float, ...]:
    """Return each arm's chance to be the best, the control (at 0) first; the others are normal."""
    with_control = np.pad(covariance, ((1, 0), (1, 0)))
    rng = np.random.default_rng(SEED)
    return best_by_draws(np.append(0.0, means), with_control, rng=rng).probabilities


def _with_prior(report: Report, insights: Insights | None) -> dict[int, BayesianResult]:
    """Return by arm the comparison under the prior fitted from the site's own experiments."""
    if insights is None or insights.prior.prior is None:
        return {}
    prior, level = insights.prior.prior, 1 - report.experiment.alpha
    return {lift.arm: _normal(lift.estimate, prior, level) for lift in insights.lifts}


def _best_with_prior(report: Report, insights: Insights | None) -> dict[int, float]:
    """Return by arm the chance to be the best; nothing where an arm's lift is unknown."""
    if insights is None or insights.prior.prior is None:
        return {}
    lifts = [lift.estimate for lift in insights.lifts]
    if len(lifts) < len(report.comparisons):
        return {}
    # The delta method's covariance of two lifts: both are over the same noisy control.
    scale = np.array([(1 + one.lift) / one.base for one in lifts])
    errors = np.outer(scale, scale) * min(one.shared_variance for one in lifts)
    np.fill_diagonal(errors, [one.se**2 for one in lifts])
    mean, spread = lifts_with_prior([one.lift for one in lifts], errors, insights.prior.prior)
    arms = [report.arms[0].arm, *(lift.arm for lift in insights.lifts)]
    return dict(zip(arms, _chances_of_best(mean, spread), strict=True))


def _normal(estimate: LiftEstimate, prior: Prior, level: float) -> BayesianResult:
    result = compare_normal(estimate.lift, estimate.se, prior=prior, level=level)
    loss, loss_control = relative_losses(
        estimate.effect, estimate.effect_se, base=estimate.base, prior=prior
    )
    return replace(result, expected_loss=loss, expected_loss_control=loss_control)
