"""Posteriors of the arms of an analyze request.

Plain click rates under a flat prior have beta posteriors, exact at any count. Everything else,
also a prior on the lift, is compared as about normal. Counts without information (an arm of
one visitor, nobody or everybody converted) give no result: an even chance would come from
the prior alone.
"""

import numpy as np
from scipy import special

from experiments.stats.bayesian.beta_binomial import compare_rates
from experiments.stats.bayesian.beta_posterior import beta_posterior
from experiments.stats.bayesian.normal_model import BayesianResult, Scale, compare_normal, undefined
from experiments.stats.bayesian.priors import LARGEST, FlatPrior, Prior
from experiments.stats.engine.request import AnalysisRequest
from experiments.stats.estimation.contrasts import Contrasts, as_arrays, contrasts
from experiments.stats.estimation.cuped import estimate, is_adjustable
from experiments.stats.estimation.lift_intervals import fieller_interval, lift_standard_error
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.estimation.undefined_reasons import Reason


def posteriors(asked: AnalysisRequest) -> list[BayesianResult]:
    """Return the posterior comparison of each arm but the control, on the asked scale.

    Args:
        asked: A checked request.

    Returns:
        Comparisons labelled with model and prior; numbers are None where a reason stands.

    Source: `experiments.stats.bayesian.beta_binomial`, `experiments.stats.bayesian.normal_model`.
    """
    statistics = asked.statistics
    if isinstance(statistics, Proportion) and asked.prior is None and not is_adjustable(statistics):
        return _of_rates(asked)
    contrast = contrasts(estimate(statistics))
    return [_of_contrast(asked, contrast, index) for index in range(len(contrast.effect))]


def counts_of(asked: AnalysisRequest) -> list[tuple[float, float]]:
    """Return clicks and visitors of each arm, control first.

    Raises:
        TypeError: If the metric is not a proportion.
    """
    if not isinstance(asked.statistics, Proportion):
        raise TypeError(f"counts are those of a proportion, not of a {asked.metric}")
    clicks, n = as_arrays(asked.statistics.sum, asked.statistics.n)
    return list(zip(clicks.tolist(), n.tolist(), strict=True))


def count_reasons(asked: AnalysisRequest) -> list[Reason]:
    """Return the reason the counts of each treated arm are uninformative, or `Reason.DEFINED`."""
    (clicks, n), *arms = counts_of(asked)
    return [_count_reason(clicks + more, n, other) for more, other in arms]


def _count_reason(clicks: float, n: float, other: float) -> Reason:
    if min(n, other) <= 1:
        return Reason.ONE_VISITOR if min(n, other) else Reason.NO_VISITORS
    return Reason.NO_VARIANCE if clicks in (0, n + other) else Reason.DEFINED


def _of_rates(asked: AnalysisRequest) -> list[BayesianResult]:
    scale, level = _scale(asked), 1 - asked.alpha
    control, *arms = (beta_posterior(clicks=clicks, n=n) for clicks, n in counts_of(asked))
    return [
        _undefined(asked, reason, model="beta-binomial")
        if reason
        else compare_rates(control, arm, level=level, scale=scale)
        for arm, reason in zip(arms, count_reasons(asked), strict=True)
    ]


def _of_contrast(asked: AnalysisRequest, contrast: Contrasts, index: int) -> BayesianResult:
    value, error = contrast.effect[index], contrast.standard_error[index]
    if asked.relative:
        value, error = contrast.lift[index], lift_standard_error(contrast)[index]
    reason = _contrast_reason(asked, contrast, index)
    if not reason and not (abs(value) <= LARGEST and 1 / LARGEST <= error <= LARGEST):
        reason = Reason.OUT_OF_RANGE
    if reason:
        return _undefined(asked, reason, model="normal")
    prior = _prior(asked)
    if asked.prior is not None and not asked.relative:
        prior = prior.scaled(float(contrast.base[index]))
    return compare_normal(
        float(value), float(error), prior=prior, level=1 - asked.alpha, scale=_scale(asked)
    )


def _contrast_reason(asked: AnalysisRequest, contrast: Contrasts, index: int) -> Reason:
    reason = Reason(contrast.reason[index])
    if asked.relative:
        # Where Fieller's set is unbounded the lift is not about normal.
        z = np.asarray(-special.ndtri(asked.alpha / 2))
        return Reason(fieller_interval(contrast, z)[2][index]) or reason
    if asked.prior is not None:
        return Reason(contrast.lift_reason[index]) or reason
    return reason


def _undefined(asked: AnalysisRequest, reason: Reason, *, model: str) -> BayesianResult:
    return undefined(
        _scale(asked),
        level=1 - asked.alpha,
        prior=_prior(asked),
        reason=reason.sentence or "",
        model=model,
    )


def _prior(asked: AnalysisRequest) -> Prior:
    return FlatPrior() if asked.prior is None else asked.prior


def _scale(asked: AnalysisRequest) -> Scale:
    return Scale.LIFT if asked.relative else Scale.EFFECT
