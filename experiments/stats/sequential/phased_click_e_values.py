"""Click e-values of an experiment whose shares changed: a product over its phases.

In phase s a click comes from the arm with probability b_s if the arms are equal, and with
b_s R / (1 - b_s + b_s R) if the arm's rate is R times the control's. The phases' likelihood
ratios multiply, for one common R; a mixture over R is an e-process for any changes of the shares
from phase to phase. With one phase it is that of `click_e_values`, which has closed formulas.
"""

import numpy as np
import scipy
from scipy import special

from experiments.stats.estimation.log_sum_exp import log_sum_exp
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.sequential.click_e_values import (
    PRIOR_CLICKS,
    click_lift_interval,
    click_log_e_value,
)

Clicks = tuple[FloatArray, FloatArray]
# Equally likely ratios that stand for the mixture; any set of them is an e-process.
_RATIOS = 200
_BISECTIONS = 80
# Ratios beyond exp(-+ this) are out of reach of any threshold in use.
_FAR = 60.0


def phased_click_log_e_value(clicks: Clicks, *, share: FloatArray) -> FloatArray:
    """Return ln E against "the arm clicks as the control does".

    Args:
        clicks: Clicking visitors of the control and of the arm in each phase, `(..., S)`.
        share: The arm's part of the traffic of the two in each phase, in (0, 1), `(..., S)`.

    Returns:
        Logarithms of shape `(...)`; 0 without a click.

    Source: Lindon, Malek (2022), NeurIPS (arXiv 2011.03567), by phases.

    >>> both = np.array([[0.0, 0.0]]), np.array([[4.0, 4.0]])
    >>> round(float(phased_click_log_e_value(both, share=np.array([[0.5, 0.5]]))[0]), 2)
    3.35
    """
    control, arm = clicks
    if share.shape[-1] == 1:
        return click_log_e_value((control[..., 0], arm[..., 0]), share=share[..., 0])
    # Thousands of experiments may have the same shares, and the quantiles take long.
    shares, inverse = np.unique(share.reshape(-1, share.shape[-1]), axis=0, return_inverse=True)
    inverse = inverse.reshape(share.shape[:-1])
    likelihoods = np.empty((*inverse.shape, _RATIOS))
    for number, row in enumerate(shares):
        is_here = inverse == number
        of_arm, of_control = _log_of_click(row, _log_ratios(row))
        likelihoods[is_here] = arm[is_here] @ of_arm + control[is_here] @ of_control
    return np.asarray(log_sum_exp(likelihoods) - np.log(_RATIOS))


def phased_click_lift_interval(
    clicks: Clicks, *, share: FloatArray, log_threshold: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the confidence sequence of the lift: every one whose e-value is below a threshold.

    Args:
        clicks: As `phased_click_log_e_value`.
        share: As there.
        log_threshold: ln(1/alpha) > 0, of shape `(...)`.

    Returns:
        Low ends (at least -1) and high ends (infinite while the control has no click).

    >>> both = np.array([[5.0, 5.0]]), np.array([[15.0, 15.0]])
    >>> ends = phased_click_lift_interval(
    ...     both, share=np.array([[0.5, 0.5]]), log_threshold=np.log([20.0])
    ... )
    >>> [round(float(end[0]), 1) for end in ends]
    [0.0, 9.7]
    """
    control, arm = clicks
    if share.shape[-1] == 1:
        single = control[..., 0], arm[..., 0]
        return click_lift_interval(single, share=share[..., 0], log_threshold=log_threshold)
    least = phased_click_log_e_value(clicks, share=share) - log_threshold
    best = _best_log_ratio(control, arm, share)
    low, high = (
        _edge(clicks, share, least, outside=np.full_like(best, side), inside=best)
        for side in (-_FAR, _FAR)
    )
    low = np.where(arm.sum(axis=-1) == 0, -np.inf, low)
    high = np.where(control.sum(axis=-1) == 0, np.inf, high)
    return np.expm1(low), np.expm1(high)


def _log_ratios(share: FloatArray) -> FloatArray:
    """Return ln R at the quantiles of the first phase's mixture: fixed before the first click."""
    mean = share[..., :1]
    quantiles = (np.arange(_RATIOS) + 0.5) / _RATIOS
    probability = scipy.stats.beta.ppf(quantiles, PRIOR_CLICKS * mean, PRIOR_CLICKS * (1 - mean))
    probability = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.asarray(special.logit(probability) - special.logit(mean))


def _log_likelihood(
    control: FloatArray, arm: FloatArray, share: FloatArray, log_ratio: FloatArray
) -> FloatArray:
    """Return ln of the likelihood ratio of each R, `(..., R)`, against R = 1."""
    of_arm, of_control = _log_of_click(share, log_ratio)
    terms = arm[..., None] * of_arm + control[..., None] * of_control
    return np.asarray(terms.sum(axis=-2))


def _log_of_click(share: FloatArray, log_ratio: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what one click of the arm, and of the control, adds in each phase, `(..., S, R)`."""
    shifted = special.logit(share)[..., None] + log_ratio[..., None, :]
    of_arm = special.log_expit(shifted) - np.log(share)[..., None]
    return of_arm, special.log_expit(-shifted) - np.log1p(-share)[..., None]


def _best_log_ratio(control: FloatArray, arm: FloatArray, share: FloatArray) -> FloatArray:
    """Return the ln R of the largest likelihood, at most `_FAR` from 0."""
    total, clicks = arm.sum(axis=-1), control + arm
    low, high = np.full(total.shape, -_FAR), np.full(total.shape, _FAR)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        expected = clicks * special.expit(special.logit(share) + middle[..., None])
        is_low = expected.sum(axis=-1) < total
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return np.asarray((low + high) / 2)


def _edge(
    clicks: Clicks,
    share: FloatArray,
    least: FloatArray,
    *,
    outside: FloatArray,
    inside: FloatArray,
) -> FloatArray:
    """Bisect between a rejected ratio and the best-fitting one."""
    for _ in range(_BISECTIONS):
        middle = (outside + inside) / 2
        likelihood = _log_likelihood(*clicks, share, middle[..., None])[..., 0]
        is_outside = likelihood <= least
        outside = np.where(is_outside, middle, outside)
        inside = np.where(is_outside, inside, middle)
    return outside
