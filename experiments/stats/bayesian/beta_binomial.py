"""Beta-binomial comparison of click rates: chance to win, losses, intervals, P(best).

All of it is quadrature over the arms' beta posteriors; nothing is drawn.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import digamma, expit, logit, polygamma

from experiments.stats.bayesian.best_arm import BestArm, best_on_grid
from experiments.stats.bayesian.beta_posterior import (
    UNIFORM,
    BetaPosterior,
    log_density,
    panel_edges,
)
from experiments.stats.bayesian.normal_model import BayesianResult, Scale, check_level
from experiments.stats.bayesian.priors import BetaPrior
from experiments.stats.bayesian.quadrature import (
    DistributionFunction,
    distribution_function,
    make_grid,
    normalise,
)
from experiments.stats.estimation.sufficient_statistics import FloatArray

# Falls of the log density at which panels end: 1e-18 for intervals, 1e-150 for chances.
_NEAR, _FAR = 45.0, 350.0
# Longest panel: p = 1 / (1 + exp(-t)) has its poles at +-pi i, so 16 nodes follow it over a
# length of 3 to 1e-13, however wide the gap between two arms is.
_WIDEST = 3.0
# A posterior with at least this many clicks has negligible density near rate 0 (and with this
# many visitors without a click near rate 1): no kink there.
_SMOOTH = 30.0
# Nearly the largest whose exponential and its inverse are floating-point numbers.
_LARGEST_LOG = 700.0


def best_of_rates(posteriors: Sequence[BetaPosterior]) -> BestArm:
    """Return P(best) and expected losses (in rates) of independent arms, by quadrature.

    Args:
        posteriors: Posteriors of k >= 2 arms, control first.

    Returns:
        Probabilities accurate to about 1e-10, also relative to themselves in the far tails.

    Raises:
        ValueError: If there are fewer than two arms.

    Source: Scott (2010), "A modern Bayesian look at the multi-armed bandit", eq. 2.

    >>> arms = [BetaPosterior(a=501, b=9_501), BetaPosterior(a=581, b=9_421)]
    >>> round(best_of_rates(arms).probabilities[1], 9)
    0.993836583
    """
    if len(posteriors) < 2:
        raise ValueError(f"posteriors must hold at least two arms, got {len(posteriors)}")
    edges = [panel_edges(posterior, fall=_FAR) for posterior in posteriors]
    grid = make_grid(np.concatenate(edges), widest=_WIDEST)
    densities = [normalise(grid, log_density(arm, grid.nodes)) for arm in posteriors]
    return best_on_grid(grid, densities, slope=expit(grid.nodes) * expit(-grid.nodes))


def compare_rates(
    control: BetaPosterior,
    arm: BetaPosterior,
    *,
    prior: BetaPrior = UNIFORM,
    level: float = 0.95,
    scale: Scale = Scale.EFFECT,
) -> BayesianResult:
    """Return the posterior comparison of an arm's rate with control's.

    Args:
        control: Posterior of the control's rate.
        arm: Posterior of the arm's rate.
        prior: The prior both were made with, for the label.
        level: Probability of the interval, in (0, 1).
        scale: EFFECT is pB - pA with its mean; LIFT is pB / pA - 1 with its median (its mean
            does not exist without a click in control), the losses relative to control's mean.

    Returns:
        Chance to win, expected losses and equal-tailed interval, all by quadrature.

    Raises:
        ValueError: If level is out of range.

    Source: Stucchio (2015), "Bayesian A/B testing at VWO", sections 4 and 6.

    >>> control, arm = BetaPosterior(a=1, b=21), BetaPosterior(a=4, b=18)
    >>> result = compare_rates(control, arm)
    >>> round(result.chance_to_win, 9), round(result.expected_loss, 9)
    (0.946529081, 0.002204404)
    """
    check_level(level)
    best = best_of_rates((control, arm))
    tail = (1 - level) / 2
    relative = scale is Scale.LIFT
    quantile = lift_quantile if relative else effect_quantile
    unit = control.mean if relative else 1.0
    return BayesianResult(
        scale=scale,
        estimate=quantile(control, arm, 0.5) if relative else arm.mean - control.mean,
        interval=(quantile(control, arm, tail), quantile(control, arm, 1 - tail)),
        chance_to_win=best.probabilities[1],
        expected_loss=best.expected_losses[1] / unit,
        expected_loss_control=best.expected_losses[0] / unit,
        level=level,
        model="beta-binomial",
        prior=prior.label,
        prior_source=prior.source,
    )


def effect_quantile(control: BetaPosterior, arm: BetaPosterior, probability: float) -> float:
    """Return d with P(pB - pA < d) = probability, in (0, 1).

    >>> uniform = BetaPosterior(a=1.0, b=1.0)
    >>> round(effect_quantile(uniform, uniform, 0.02), 9)
    -0.8
    """
    below = effect_distribution(control, arm)
    mean, sd = arm.mean - control.mean, math.hypot(control.sd, arm.sd)
    return _solve(below, mean, sd, probability)


def lift_quantile(control: BetaPosterior, arm: BetaPosterior, probability: float) -> float:
    """Return l with P(pB / pA - 1 < l) = probability, solved for ln(1 + l).

    >>> uniform = BetaPosterior(a=1.0, b=1.0)
    >>> round(lift_quantile(uniform, uniform, 0.025), 9)
    -0.95
    """
    below = log_ratio_distribution(control, arm)
    mean = float(np.diff([digamma(x.a) - digamma(x.a + x.b) for x in (control, arm)])[0])
    variances = [polygamma(1, x.a) - polygamma(1, x.a + x.b) for x in (control, arm)]
    # The difference of trigammas may vanish by rounding; the ratios of sd to mean do not.
    spread = math.hypot(control.sd / control.mean, arm.sd / arm.mean)
    sd = math.sqrt(max(float(np.sum(variances)), 0.0)) + spread
    return math.expm1(_solve(below, mean, sd, probability))


def effect_distribution(control: BetaPosterior, arm: BetaPosterior) -> Callable[[float], float]:
    """Return the posterior distribution function of the effect, d -> P(pB - pA < d).

    >>> uniform = BetaPosterior(a=1.0, b=1.0)
    >>> round(effect_distribution(uniform, uniform)(0.5), 9)
    0.875
    """
    swapped = control.sd > arm.sd
    pair = _pair(arm, control) if swapped else _pair(control, arm)

    def below(effect: float) -> float:
        # Seen from the narrow arm the other rate lies at `shift` beyond it.
        shift = -effect if swapped else effect
        chance = pair.chance(lambda rate: rate + shift, zero_at=-shift, one_at=1 - shift)
        return 1 - chance if swapped else chance

    return below


def log_ratio_distribution(control: BetaPosterior, arm: BetaPosterior) -> Callable[[float], float]:
    """Return the posterior distribution function of ln(pB / pA).

    >>> uniform = BetaPosterior(a=1.0, b=1.0)
    >>> round(log_ratio_distribution(uniform, uniform)(math.log(2)), 9)
    0.75
    """
    swapped = control.sd / control.mean > arm.sd / arm.mean
    pair = _pair(arm, control) if swapped else _pair(control, arm)

    def below(log_ratio: float) -> float:
        exponent = -log_ratio if swapped else log_ratio
        factor = math.exp(min(max(exponent, -_LARGEST_LOG), _LARGEST_LOG))
        chance = pair.chance(lambda rate: rate * factor, zero_at=0.0, one_at=1 / factor)
        return 1 - chance if swapped else chance

    return below


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nodes:
    """A posterior as rates with their probabilities."""

    rates: FloatArray
    mass: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """The narrower posterior as nodes, the other one as a distribution function."""

    narrow: BetaPosterior
    wide: BetaPosterior
    edges: FloatArray
    nodes: _Nodes
    table: DistributionFunction

    def chance(
        self, move: Callable[[FloatArray], FloatArray], *, zero_at: float, one_at: float
    ) -> float:
        """Return P(rate of the wide arm < move(rate of the narrow arm)).

        The wide arm's distribution function starts where move(rate) = 0 and ends where it is 1;
        panels that shrink towards those kinks resolve them.
        """
        kinks = [_logit(zero_at)] if self.wide.a < _SMOOTH else []
        kinks += [_logit(one_at)] if self.wide.b < _SMOOTH else []
        nodes = self._nodes_with(kinks) if kinks else self.nodes
        rates = np.clip(move(nodes.rates), 0.0, 1.0)
        # The mass sums to 1 but for rounding.
        return min(1.0, float(np.sum(nodes.mass * self.table.at(np.asarray(logit(rates))))))

    def _nodes_with(self, kinks: list[float]) -> _Nodes:
        steps = self.narrow.logit_sd * np.array([-0.3, -0.03, -0.003, 0.0, 0.003, 0.03, 0.3])
        extra = (np.array(kinks)[:, None] + steps).ravel()
        inside = (extra > self.edges.min()) & (extra < self.edges.max())
        return _nodes(self.narrow, np.concatenate((self.edges, extra[inside])))


def _pair(narrow: BetaPosterior, wide: BetaPosterior) -> _Pair:
    edges = panel_edges(narrow, fall=_NEAR)
    grid = make_grid(panel_edges(wide, fall=_NEAR), widest=_WIDEST)
    return _Pair(
        narrow=narrow,
        wide=wide,
        edges=edges,
        nodes=_nodes(narrow, edges),
        table=distribution_function(grid, log_density(wide, grid.nodes)),
    )


def _nodes(posterior: BetaPosterior, edges: FloatArray) -> _Nodes:
    grid = make_grid(edges, widest=_WIDEST)
    mass = normalise(grid, log_density(posterior, grid.nodes)).mass
    return _Nodes(rates=expit(grid.nodes), mass=mass)


def _logit(rate: float) -> float:
    """Return ln(p / (1 - p)), infinite from 0 down and from 1 up."""
    return float(logit(min(max(rate, 0.0), 1.0)))


def _solve(below: Callable[[float], float], mean: float, sd: float, probability: float) -> float:
    """Return the quantile between its bounds by Cantelli's inequality."""
    odds = math.sqrt(probability / (1 - probability))
    # The pad covers the rounding of mean and sd.
    low = mean - 1.01 * sd / odds - 1e-13
    high = mean + 1.01 * sd * odds + 1e-13
    return float(
        scipy.optimize.brentq(lambda x: below(x) - probability, low, high, xtol=1e-12 * sd)
    )
