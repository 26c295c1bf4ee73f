"""Beta posterior of one click rate, on the logit scale, which is easy to integrate.

On the logit scale t = ln(p / (1 - p)) a beta density is log-concave and smooth for all
counts. It is evaluated relative to its peak, by deviances, so counts of 1e12 and tails of
1e-150 keep their digits, which neither the beta function nor a sum over clicks does.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma

from experiments.stats.bayesian.priors import BetaPrior
from experiments.stats.bayesian.quadrature import FALL
from experiments.stats.estimation.sufficient_statistics import FloatArray

UNIFORM = BetaPrior()
# Far beyond it a rate near 1 could not be distinguished from 1.
MOST_VISITORS = 1e13


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaPosterior:
    """Beta(a, b), the posterior of one arm's rate.

    >>> belief = beta_posterior(clicks=1, n=10)
    >>> belief.a, belief.b, round(belief.mean, 4)
    (2.0, 10.0, 0.1667)
    """

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Return the mean rate."""
        return self.a / (self.a + self.b)

    @property
    def sd(self) -> float:
        """Return the standard deviation of the rate."""
        total = self.a + self.b
        return math.sqrt(self.a / total * (self.b / total) / (total + 1))

    @property
    def logit_mode(self) -> float:
        """Return the mode of the density of ln(p / (1 - p))."""
        return math.log(self.a) - math.log(self.b)

    @property
    def logit_sd(self) -> float:
        """Return the standard deviation of ln(p / (1 - p))."""
        return math.sqrt(float(polygamma(1, self.a) + polygamma(1, self.b)))


def beta_posterior(*, clicks: float, n: float, prior: BetaPrior = UNIFORM) -> BetaPosterior:
    """Return the posterior of a rate after `clicks` of `n` visitors.

    Args:
        clicks: In [0, n].
        n: Visitors, 0 to 1e13.
        prior: Beta prior.

    Returns:
        Beta(prior.a + clicks, prior.b + n - clicks).

    Raises:
        ValueError: If a count is out of range.

    >>> beta_posterior(clicks=50, n=1000, prior=BetaPrior(a=0.5, b=0.5)).a
    50.5
    """
    if not 0 <= n <= MOST_VISITORS:
        raise ValueError(f"n must be in [0, 1e13], got {n}")
    if not 0 <= clicks <= n:
        raise ValueError(f"clicks must be in [0, n], got {clicks} of {n}")
    return BetaPosterior(a=float(prior.a + clicks), b=float(prior.b + (n - clicks)))


def log_density(posterior: BetaPosterior, t: FloatArray) -> FloatArray:
    """Return the log density of ln(p / (1 - p)) at t, relative to its peak.

    With p0 the mode and d the distance to it, it is a ln(p / p0) + b ln(q / q0). Near the peak
    the linear parts cancel exactly; leaving them out keeps 1e12 clicks accurate.

    Args:
        posterior: Beta(a, b).
        t: Logits, any shape.

    Returns:
        At most 0, same shape.

    >>> log_density(BetaPosterior(a=1.0, b=1.0), np.ones(1)).round(9).tolist()
    [-0.240229014]
    """
    a, b = posterior.a, posterior.b
    p0, q0 = posterior.mean, b / (a + b)
    # Beyond 700 either way the density vanishes.
    d = np.clip(t - posterior.logit_mode, -700.0, 700.0)
    odds = np.expm1(d)
    near = np.abs(d) < 0.01
    small = np.where(near, odds, 0.0) / (1 + p0 * np.where(near, odds, 0.0))
    close = a * _log1p_minus(q0 * small) + b * _log1p_minus(-p0 * small)
    return np.where(near, close, a * d - (a + b) * np.log1p(p0 * odds))


def panel_edges(posterior: BetaPosterior, *, fall: float) -> FloatArray:
    """Return panel edges over which the log density falls by `fall` on both sides.

    The log density is concave, so its slope at the far edge bounds the change over a panel.

    Args:
        posterior: Beta(a, b).
        fall: 45 leaves out a mass below 1e-18, 350 one below 1e-150.

    Returns:
        Edges on the logit scale, unordered.

    >>> edges = panel_edges(beta_posterior(clicks=50, n=1000), fall=45)
    >>> bool(edges.min() < -4.1 and edges.max() > -2.0)
    True
    """
    mode, sd = posterior.logit_mode, posterior.logit_sd
    edges = [mode]
    for sign in (-1.0, 1.0):
        distance = fallen = slope = 0.0
        while fallen < fall and distance < 700:
            step, before = sd, slope
            while (slope := _slope(posterior, sign * (distance + step))) * step > FALL:
                step = max(step / 2, FALL / slope * 0.999)
            distance += step
            fallen += step * (before + slope) / 2
            edges.append(mode + sign * distance)
    return np.array(edges)


def _slope(posterior: BetaPosterior, d: float) -> float:
    """Return the steepness of the log density at distance d from the mode."""
    a, b = posterior.a, posterior.b
    p0, odds = posterior.mean, math.expm1(min(d, 700.0))
    # a - (a + b) p with p = p0 (1 + odds) / (1 + p0 odds), without the cancellation.
    return abs((a * (b / (a + b))) * odds / (1 + p0 * odds))


def _log1p_minus(x: FloatArray) -> FloatArray:
    """Return ln(1 + x) - x for |x| < 0.011 by its series, free of cancellation."""
    total = np.zeros_like(x)
    for power in range(10, 1, -1):
        total = x * total + (-1.0) ** (power + 1) / power
    return x * x * total
