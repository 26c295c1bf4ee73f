"""Normal posteriors of an arm against the control.

The likelihood is estimate ~ N(true value, se^2); a flat or normal prior is conjugate. Partly
pooled segments are mixtures of normals: chance to win and expected losses are closed formulas of
each part, intervals are roots of the mixture's distribution function. Nothing is drawn.

None of this controls false alarms when a running experiment is stopped on it (two equal arms,
20 looks, "stop beyond 95 %": 43 % with a flat prior). Decide by `stats.decision.decide`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, ndtr, ndtri

from experiments.stats.bayesian.mixture_quantiles import mixture_quantiles
from experiments.stats.bayesian.priors import LARGEST, FlatPrior, Prior
from experiments.stats.estimation.messages import Message, MessageCode

Floats = NDArray[np.float64]

_FLAT = FlatPrior()
NO_SPREAD = Message(MessageCode.NO_SPREAD)


class Scale(StrEnum):
    """Scale of the posterior: an absolute difference or a relative change."""

    EFFECT = "effect"
    LIFT = "lift"


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesianResult:
    """Posterior of one arm against control; losses are in the unit of `scale`.

    Attributes:
        scale: Unit of `estimate`, `interval` and the losses.
        estimate: Posterior mean (median where the mean does not exist).
        interval: Equal-tailed credible interval of probability `level`.
        chance_to_win: P(the arm is better than control), in [0, 1].
        expected_loss: Expected loss when the arm is shipped; at least 0. On the scale of the
            lift: E max(control - arm, 0) over the control's mean.
        expected_loss_control: Expected loss when control is kept; at least 0.
        level: Probability of `interval`.
        model: "normal" or "beta-binomial".
        prior: The prior in words.
        prior_source: Origin of the prior.
        reason: Reason for undefined numbers, or None.
    """

    scale: Scale
    estimate: float | None
    interval: tuple[float, float] | None
    chance_to_win: float | None
    expected_loss: float | None
    expected_loss_control: float | None
    level: float
    model: str
    prior: str
    prior_source: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalMixture:
    """A finite mixture of normals: the posterior of one quantity.

    Attributes:
        weights: Shape (k,), positive or zero, sum 1.
        means: Shape (k,).
        sds: Shape (k,), positive.
    """

    weights: Floats
    means: Floats
    sds: Floats

    @property
    def mean(self) -> float:
        """Return the mean."""
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        """Return the standard deviation."""
        spread = self.sds**2 + (self.means - self.mean) ** 2
        return math.sqrt(float(self.weights @ spread))

    def chance_below(self, value: float) -> float:
        """Return P(quantity < value), accurate in the lower tail."""
        return self._chance((value - self.means) / self.sds)

    def chance_above(self, value: float) -> float:
        """Return P(quantity > value), accurate in the upper tail."""
        return self._chance((self.means - value) / self.sds)

    def _chance(self, z: Floats) -> float:
        # The weights sum to 1 but for rounding.
        return min(1.0, float(self.weights @ ndtr(z)))

    def quantile(self, probability: float) -> float:
        """Return the value with P(quantity < value) = probability, in (0, 1)."""
        if self.weights.size == 1:
            return float(self.means[0] + self.sds[0] * ndtri(probability))
        found = mixture_quantiles(self.weights, self.means, self.sds, np.array(probability))
        return float(found)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the equal-tailed interval of probability `level`."""
        tail = (1 - level) / 2
        return self.quantile(tail), self.quantile(1 - tail)

    def expected_losses(self) -> tuple[float, float]:
        """Return (E max(-x, 0), E max(x, 0)): losses of taking and of leaving x."""
        return (
            float(self.weights @ _loss(self.means, self.sds)),
            float(self.weights @ _loss(-self.means, self.sds)),
        )


def chance_to_win(mean: ArrayLike, sd: ArrayLike) -> Floats:
    """Return P(x > 0) for x ~ N(mean, sd^2), element by element.

    Args:
        mean: Posterior mean of effect or lift; any shape that broadcasts with `sd`.
        sd: Posterior standard deviation, positive.

    Returns:
        Probabilities in [0, 1], of the broadcast shape.

    Raises:
        ValueError: If a mean is not finite, or a standard deviation not positive.
            Sizes beyond 1e100 are refused, so nothing overflows.

    Source: growthbook/gbstats, bayesian/tests.py (chance to win of the normal model).

    >>> round(float(chance_to_win(0.16, 0.0688627621)), 7)
    0.9899228
    """
    centre, spread = _checked(mean, sd)
    return np.asarray(ndtr(centre / spread), dtype=np.float64)


def expected_loss(mean: ArrayLike, sd: ArrayLike) -> Floats:
    """Return E max(-x, 0) for x ~ N(mean, sd^2): what shipping a worse arm costs.

    With z = mean / sd it is sd (phi(z) - z Phi(-z)); the scaled complementary error function
    keeps its digits where both terms are tiny. Keeping control costs the same with -mean.

    Args:
        mean: Posterior mean of effect or lift; any shape that broadcasts with `sd`.
        sd: Posterior standard deviation, positive.

    Returns:
        Losses, at least 0, of the broadcast shape.

    Raises:
        ValueError: If a mean is not finite, or a standard deviation not positive.
            Sizes beyond 1e100 are refused, so nothing overflows.

    Source: growthbook/gbstats, bayesian/tests.py (risk of the normal model).

    >>> round(float(expected_loss(0.1, 0.05)), 13)
    0.0004245351308
    """
    return _loss(*_checked(mean, sd))


def _loss(centre: Floats, spread: Floats) -> Floats:
    z = np.abs(centre) / spread
    # Beyond 40 the loss is below 1e-340; the cap keeps exp and erfcx finite.
    capped = np.minimum(z, 40.0)
    density = np.exp(-0.5 * capped**2)
    tail = 1 / math.sqrt(2 * math.pi) - 0.5 * capped * erfcx(capped / math.sqrt(2))
    small = np.where(z > 40, 0.0, np.maximum(spread * density * tail, 0.0))
    return np.asarray(small + np.maximum(-centre, 0.0), dtype=np.float64)


def relative_losses(
    effect: float, se: float, *, base: float, prior: Prior = _FLAT
) -> tuple[float, float]:
    """Return the expected losses of shipping the arm and of keeping control, as parts of control.

    They are E max(control - arm, 0) and E max(arm - control, 0), over the control's mean: the
    definition of `compare_rates`. Losses of the lift itself divide by the control of each draw;
    they need not exist, and a lift's normal approximation is too wide below 0.

    Args:
        effect: Observed effect, finite.
        se: Its standard error, positive.
        base: Size of the control's mean, positive.
        prior: Prior of the lift.

    Returns:
        Losses, at least 0.

    Raises:
        ValueError: If a number is out of range.

    Source: Stucchio (2015), "Bayesian A/B testing at VWO", section 4.

    >>> [round(loss, 6) for loss in relative_losses(0.008, 0.0031921, base=0.05)]
    [0.000126, 0.160126]
    """
    ship, keep = posterior(effect, se, prior.scaled(base)).expected_losses()
    return ship / base, keep / base


def posterior(estimate: float, se: float, prior: Prior = _FLAT) -> NormalMixture:
    """Return the posterior of a quantity estimated with normal error.

    Args:
        estimate: Observed effect or lift, finite.
        se: Its standard error, positive and finite.
        prior: Prior of the same quantity on the same scale.

    Returns:
        A mixture of one normal.

    Raises:
        ValueError: If estimate or se is out of range.

    Source: Gelman et al. (2013), "Bayesian Data Analysis", sections 2.5 and 17.2.

    >>> from experiments.stats.bayesian.priors import NormalPrior
    >>> round(posterior(0.16, 0.0688627621, NormalPrior(sd=0.3)).mean, 9)
    0.151991597
    """
    _checked(estimate, se)
    if isinstance(prior, FlatPrior):
        return _single(estimate, se)
    total = math.hypot(prior.sd, se)
    shrunken = prior.mean + (prior.sd / total) ** 2 * (estimate - prior.mean)
    # The posterior sd without squaring tiny numbers.
    return _single(shrunken, se * prior.sd / total)


def compare_normal(
    estimate: float,
    se: float,
    *,
    prior: Prior = _FLAT,
    level: float = 0.95,
    scale: Scale = Scale.LIFT,
) -> BayesianResult:
    """Return the posterior comparison of one arm with control.

    Args:
        estimate: Observed effect or lift.
        se: Its standard error; 0 gives None with a reason.
        prior: On the same scale (see `NormalPrior.scaled`).
        level: Probability of the interval, in (0, 1).
        scale: Scale of `estimate`.

    Returns:
        The comparison, labelled with its prior. Its losses are those of `estimate`; with the
        effect at hand, `relative_losses` are those that are comparable between models.

    Raises:
        ValueError: If a number is not finite, se is negative or level is out of range.

    >>> compare_normal(0.2, 0.153437, level=0.95).prior
    'flat'
    """
    check_level(level)
    if se == 0 and math.isfinite(estimate):
        return undefined(scale, level=level, prior=prior, reason=NO_SPREAD)
    belief = posterior(estimate, se, prior)
    loss, loss_control = belief.expected_losses()
    return BayesianResult(
        scale=scale,
        estimate=belief.mean,
        interval=belief.interval(level),
        chance_to_win=belief.chance_above(0.0),
        expected_loss=loss,
        expected_loss_control=loss_control,
        level=level,
        model="normal",
        prior=prior.label,
        prior_source=prior.source,
    )


def undefined(
    scale: Scale, *, level: float, prior: Prior, reason: str, model: str = "normal"
) -> BayesianResult:
    """Return a comparison without numbers, with the reason why.

    >>> undefined(Scale.LIFT, level=0.95, prior=FlatPrior(), reason="No visitors.").reason
    'No visitors.'
    """
    return BayesianResult(
        scale=scale,
        estimate=None,
        interval=None,
        chance_to_win=None,
        expected_loss=None,
        expected_loss_control=None,
        level=level,
        model=model,
        prior=prior.label,
        prior_source=prior.source,
        reason=reason,
    )


def check_level(level: float) -> None:
    """Raise ValueError unless the interval's probability lies in (0, 1).

    >>> check_level(0.95)
    """
    if not 0 < level < 1:
        msg = f"level must be in (0, 1), got {level}"
        raise ValueError(msg)


def _checked(mean: ArrayLike, sd: ArrayLike) -> tuple[Floats, Floats]:
    centre = np.asarray(mean, dtype=np.float64)
    spread = np.asarray(sd, dtype=np.float64)
    # Comparisons with NaN are false, so these tests refuse it too.
    if not np.all(np.abs(centre) <= LARGEST):
        msg = f"estimate must be finite and at most {LARGEST:g} in size, got {mean!r}"
        raise ValueError(msg)
    if not np.all((spread >= 1 / LARGEST) & (spread <= LARGEST)):
        msg = f"standard error must be positive and in [1e-100, 1e100], got {sd!r}"
        raise ValueError(msg)
    return centre, spread


def _single(mean: float, sd: float) -> NormalMixture:
    return NormalMixture(weights=np.ones(1), means=np.array([mean]), sds=np.array([sd]))
