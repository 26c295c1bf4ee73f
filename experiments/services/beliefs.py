"""The Bayesian panel of a report: beside the verdict, never inside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.services.analysis import ArmResult, Report
from experiments.stats.bayesian import BayesianResult, Scale
from experiments.stats.beta_binomial import best_of_rates, compare_rates
from experiments.stats.beta_density import beta_posterior


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What is believed of one arm; `against_control` is None for the control."""

    arm: ArmResult
    chance_of_best: float
    against_control: BayesianResult | None


def beliefs_of(report: Report) -> tuple[Belief, ...]:
    """Return the beliefs under the flat prior; none for values or before every arm is seen."""
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
    return tuple(
        Belief(arm=arm, chance_of_best=chance, against_control=result)
        for arm, chance, result in zip(report.arms, chances, comparisons, strict=True)
    )
