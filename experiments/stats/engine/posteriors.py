"""Posteriors of the arms of an analyze request.

Plain click rates under a flat prior have beta posteriors, exact at any count. Everything else,
also a prior on the lift, is compared as about normal. Counts without information (an arm of
one visitor, nobody or everybody converted) give no result: an even chance would come from
the prior alone.
"""

from dataclasses import replace

import numpy as np
from scipy import special

from experiments.stats.bayesian.beta_binomial import compare_rates
from experiments.stats.bayesian.beta_posterior import beta_posterior
from experiments.stats.bayesian.normal_model import (
    BayesianResult,
    Scale,
    compare_normal,
    relative_losses,
    undefined,
)
from experiments.stats.bayesian.priors import LARGEST, FlatPrior, Prior
from experiments.stats.engine.request import AnalysisRequest
from experiments.stats.estimation.contrasts import Contrasts, as_arrays, contrasts
from experiments.stats.estimation.cuped import estimate, is_adjustable
from experiments.stats.estimation.lift_intervals import fieller_interval, lift_standard_error
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.estimation.undefined_reasons import Reason


def posteriors(request: AnalysisRequest) -> list[BayesianResult]:
    """Return the posterior comparison of each arm but the control, on the requested scale.

    Args:
        request: A checked request.

    Returns:
        Comparisons labelled with model and prior; numbers are None if there is a reason.

    Source: `experiments.stats.bayesian.beta_binomial`, `experiments.stats.bayesian.normal_model`.
    """
    statistics = request.statistics
    if (
        isinstance(statistics, Proportion)
        and request.prior is None
        and not is_adjustable(statistics)
    ):
        return _from_rates(request)
    contrast = contrasts(estimate(statistics))
    return [_from_contrast(request, contrast, index) for index in range(len(contrast.effect))]


def counts_of(request: AnalysisRequest) -> list[tuple[float, float]]:
    """Return clicks and visitors of each arm, control first.

    Raises:
        TypeError: If the metric is not a proportion.
    """
    if not isinstance(request.statistics, Proportion):
        raise TypeError(f"counts are those of a proportion, not of a {request.metric}")
    clicks, n = as_arrays(request.statistics.sum, request.statistics.n)
    return list(zip(clicks.tolist(), n.tolist(), strict=True))


def count_reasons(request: AnalysisRequest) -> list[Reason]:
    """Return the reason the counts of each treated arm are uninformative, or `Reason.DEFINED`."""
    (clicks, n), *arms = counts_of(request)
    return [_count_reason(clicks + arm_clicks, n, arm_n) for arm_clicks, arm_n in arms]


def _count_reason(clicks: float, n: float, arm_n: float) -> Reason:
    if min(n, arm_n) <= 1:
        return Reason.ONE_VISITOR if min(n, arm_n) else Reason.NO_VISITORS
    return Reason.NO_VARIANCE if clicks in (0, n + arm_n) else Reason.DEFINED


def _from_rates(request: AnalysisRequest) -> list[BayesianResult]:
    scale, level = _scale(request), 1 - request.alpha
    control, *arms = (beta_posterior(clicks=clicks, n=n) for clicks, n in counts_of(request))
    return [
        _undefined(request, reason, model="beta-binomial")
        if reason
        else compare_rates(control, arm, level=level, scale=scale)
        for arm, reason in zip(arms, count_reasons(request), strict=True)
    ]


def _from_contrast(request: AnalysisRequest, contrast: Contrasts, index: int) -> BayesianResult:
    effect, effect_error = contrast.effect[index], contrast.standard_error[index]
    lift, lift_error = contrast.lift[index], lift_standard_error(contrast)[index]
    base, level = float(contrast.base[index]), 1 - request.alpha
    reason = _contrast_reason(request, contrast, index)
    if not reason and not _is_in_range(effect, effect_error):
        reason = Reason.OUT_OF_RANGE
    if not reason and request.relative and not _is_in_range(lift, lift_error):
        reason = Reason.OUT_OF_RANGE
    if reason:
        return _undefined(request, reason, model="normal")
    prior = _prior(request)
    if not request.relative:
        prior = prior.scaled(base) if request.prior is not None else prior
        return compare_normal(
            float(effect), float(effect_error), prior=prior, level=level, scale=Scale.EFFECT
        )
    result = compare_normal(float(lift), float(lift_error), prior=prior, level=level)
    losses = relative_losses(float(effect), float(effect_error), base=base, prior=prior)
    return replace(result, expected_loss=losses[0], expected_loss_control=losses[1])


def _is_in_range(value: np.float64, error: np.float64) -> bool:
    return bool(abs(value) <= LARGEST and 1 / LARGEST <= error <= LARGEST)


def _contrast_reason(request: AnalysisRequest, contrast: Contrasts, index: int) -> Reason:
    reason = Reason(contrast.reason[index])
    if request.relative:
        # If Fieller's set is unbounded, the lift is not about normal.
        z = np.asarray(-special.ndtri(request.alpha / 2))
        return Reason(fieller_interval(contrast, z)[2][index]) or reason
    if request.prior is not None:
        return Reason(contrast.lift_reason[index]) or reason
    return reason


def _undefined(request: AnalysisRequest, reason: Reason, *, model: str) -> BayesianResult:
    return undefined(
        _scale(request),
        level=1 - request.alpha,
        prior=_prior(request),
        reason=reason.sentence or "",
        model=model,
    )


def _prior(request: AnalysisRequest) -> Prior:
    return FlatPrior() if request.prior is None else request.prior


def _scale(request: AnalysisRequest) -> Scale:
    return Scale.LIFT if request.relative else Scale.EFFECT
