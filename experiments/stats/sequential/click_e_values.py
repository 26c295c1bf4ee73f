"""Click e-values: exact sequential evidence from the arm that each click comes from.

When visitors are randomised with constant shares and the arms are equal, every click comes from
arm B with probability b = share_B / (share_A + share_B), for any click rate, however it
drifts. A Beta mixture over that probability is then a martingale with respect to the clicks: an
e-process, exact at any count and under any looking. If B's click rate is R times the control's,
the probability is b R / (1 - b + b R), which turns a confidence sequence for it into one for
the lift R - 1. (The translation to the lift needs a ratio of rates that is constant in time.)

Each phase of an experiment whose shares have changed has its own b; their likelihoods multiply.
"""

import numpy as np
from scipy import special

from experiments.stats.estimation.sufficient_statistics import FloatArray, Values

# The mixture is Beta(2 b, 2 (1 - b)), worth two clicks: uniform for equal shares.
PRIOR_CLICKS = 2.0
_BISECTIONS = 80
# The one-sided mixture: ln R is logistic, on a grid. Any grid is a valid mixture.
_LOG_RATIOS = np.linspace(-12.0, 12.0, 601)
_LOG_WEIGHTS = -_LOG_RATIOS - 2 * np.logaddexp(0.0, -_LOG_RATIOS)
_LOG_WEIGHTS_BELOW = np.logaddexp.accumulate(_LOG_WEIGHTS)
# Halvings of a step of the grid.
_REFINEMENTS = 20


def click_log_e_value(
    clicks: tuple[Values, Values], *, share: Values, probability: Values | None = None
) -> FloatArray:
    """Return ln E against "a click comes from the arm with this probability".

    E has mean 1 under that hypothesis at every time, so P(E ever reaches 1/alpha) <= alpha.

    Args:
        clicks: Clicking visitors of the control and of the arm; numbers or arrays, whole, >= 0.
        share: The arm's part of the traffic of the two, in (0, 1); centres the mixture.
        probability: Hypothesis in (0, 1); the share itself, "no effect", when left out.

    Returns:
        Logarithms of the broadcast shape; 0 without a click.

    Raises:
        ValueError: If share lies outside (0, 1).

    Source: Lindon, Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS
    (arXiv 2011.03567); Robbins (1970), Ann. Math. Stat. 41, for the mixture.

    >>> round(float(click_log_e_value((0, 8), share=0.5)), 4)
    3.348
    """
    control, arm = (np.asarray(count, dtype=np.float64) for count in clicks)
    b = _checked_share(share)
    null = b if probability is None else np.asarray(probability, dtype=np.float64)
    return np.asarray(_log_marginal(control, arm, b) - _log_likelihood(control, arm, null))


def click_lift_interval(
    clicks: tuple[Values, Values], *, share: Values, log_threshold: Values
) -> tuple[FloatArray, FloatArray]:
    """Return the confidence sequence for the lift: every lift whose e-value is below a threshold.

    Args:
        clicks: Clicking visitors of the control and of the arm.
        share: The arm's part of the traffic of the two, in (0, 1).
        log_threshold: ln(1/alpha) > 0 for coverage of at least 1 - alpha at all times.

    Returns:
        Low ends (at least -1) and high ends (infinite while the control has no click).

    Raises:
        ValueError: If share lies outside (0, 1).

    Source: as `click_log_e_value`.

    >>> low, high = click_lift_interval((10, 30), share=0.5, log_threshold=np.log(20))
    >>> round(float(low), 3), round(float(high), 3)
    (0.048, 9.685)
    """
    control, arm, b, threshold = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (*clicks, share, log_threshold))
    )
    _checked_share(b)
    # Rejected are the probabilities whose likelihood is this far below the mixture's.
    least = _log_marginal(control, arm, b) - threshold
    best = arm / np.maximum(control + arm, 1)
    low, high = (
        _edge(control, arm, least, outside=outside, inside=best)
        for outside in (np.zeros_like(best), np.ones_like(best))
    )
    low, high = np.where(arm == 0, 0.0, low), np.where(control == 0, 1.0, high)
    with np.errstate(divide="ignore"):
        return low / (1 - low) * (1 - b) / b - 1, high / (1 - high) * (1 - b) / b - 1


def click_lift_upper_bound(
    clicks: tuple[Values, Values], *, share: Values, log_threshold: Values
) -> FloatArray:
    """Return a one-sided confidence sequence: an upper bound of the lift, valid at every look.

    The mixture is over one ratio of rates for all phases, so that phases with like shares count
    as one. Only its part below a hypothesis speaks against it: the mean of each of its factors
    falls with the true ratio, so it is evidence against every larger one, too.

    Args:
        clicks: Clicking visitors of the control and of the arm, phases on the last axis.
        share: The arm's part of the traffic of the two in each phase, in (0, 1).
        log_threshold: ln(1/alpha) > 0 for coverage of at least 1 - alpha at all times; of the
            shape without phases.

    Returns:
        Upper bounds; infinite while the control has no click.

    Raises:
        ValueError: If share lies outside (0, 1).

    Source: as `click_log_e_value`; the one-sided mixture as in Howard, Ramdas, McAuliffe,
    Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Stat.
    49 (arXiv 1810.08240), section 3.

    >>> high = click_lift_upper_bound(([30], [10]), share=[0.5], log_threshold=np.log(20))
    >>> round(float(high), 3)
    -0.122
    """
    control, arm, b = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (*clicks, share))
    )
    log_odds = special.logit(_checked_share(b))
    threshold = np.broadcast_to(np.asarray(log_threshold, dtype=np.float64), b.shape[:-1])
    likelihood = _log_likelihood_of_ratio(control, arm, log_odds, _LOG_RATIOS)
    below = np.logaddexp.accumulate(_LOG_WEIGHTS + likelihood, axis=-1) - _LOG_WEIGHTS_BELOW
    is_open = np.ones(likelihood.shape, dtype=bool)
    is_open[..., 1:] = below[..., :-1] - likelihood[..., 1:] < threshold[..., np.newaxis]
    last = likelihood.shape[-1] - 1 - is_open[..., ::-1].argmax(axis=-1)
    evidence = np.take_along_axis(below, last[..., np.newaxis], axis=-1)[..., 0]
    low = _LOG_RATIOS[last]
    high = _LOG_RATIOS[np.minimum(last + 1, _LOG_RATIOS.size - 1)]
    for _ in range(_REFINEMENTS):
        middle = (low + high) / 2
        found = _log_likelihood_of_ratio(control, arm, log_odds, middle[..., np.newaxis])[..., 0]
        is_rejected = evidence - found >= threshold
        low, high = np.where(is_rejected, low, middle), np.where(is_rejected, middle, high)
    return np.where(last == _LOG_RATIOS.size - 1, np.inf, np.expm1(high))


def click_lift_lower_bound(
    clicks: tuple[Values, Values], *, share: Values, log_threshold: Values
) -> FloatArray:
    """Return the lower bound that mirrors `click_lift_upper_bound`; -1 without a click of the arm.

    >>> low = click_lift_lower_bound(([10], [30]), share=[0.5], log_threshold=np.log(20))
    >>> round(float(low), 3)
    0.14
    """
    control, arm = clicks
    mirrored = 1 - np.asarray(share, dtype=np.float64)
    high = click_lift_upper_bound((arm, control), share=mirrored, log_threshold=log_threshold)
    return np.asarray(1 / (1 + high) - 1)


def _log_likelihood_of_ratio(
    control: FloatArray, arm: FloatArray, log_odds: FloatArray, log_ratio: FloatArray
) -> FloatArray:
    """Return the log-likelihood of ratios of rates (on a new last axis), summed over phases."""
    odds = log_odds[..., np.newaxis] + log_ratio[..., np.newaxis, :]
    both = (control + arm)[..., np.newaxis]
    terms = arm[..., np.newaxis] * odds - both * np.logaddexp(0.0, odds)
    return np.asarray(terms.sum(axis=-2))


def _edge(
    control: FloatArray,
    arm: FloatArray,
    least: FloatArray,
    *,
    outside: FloatArray,
    inside: FloatArray,
) -> FloatArray:
    """Bisect between a rejected probability and the best-fitting one."""
    for _ in range(_BISECTIONS):
        middle = (outside + inside) / 2
        is_outside = _log_likelihood(control, arm, middle) <= least
        outside = np.where(is_outside, middle, outside)
        inside = np.where(is_outside, inside, middle)
    return outside


def _log_marginal(control: FloatArray, arm: FloatArray, share: FloatArray) -> FloatArray:
    first, second = PRIOR_CLICKS * share, PRIOR_CLICKS * (1 - share)
    log_ratio = special.betaln(first + arm, second + control) - special.betaln(first, second)
    return np.asarray(log_ratio, dtype=np.float64)


def _log_likelihood(control: FloatArray, arm: FloatArray, probability: FloatArray) -> FloatArray:
    log_density = special.xlogy(arm, probability) + special.xlog1py(control, -probability)
    return np.asarray(log_density, dtype=np.float64)


def _checked_share(share: Values) -> FloatArray:
    b = np.asarray(share, dtype=np.float64)
    if not np.all((b > 0) & (b < 1)):
        raise ValueError(f"share must lie between 0 and 1: {share!r}")
    return b
