"""Common effect of several tests on one subject, and the status of a claim about it.

Model: y_i ~ N(theta_i, s_i^2) for the log lift of test i, theta_i ~ N(mean, spread^2), with
mean ~ N(0, 0.1^2): before any test a subject moves results by some ten per cent at most. The
spread has the prior of `partial_pooling` and is integrated out, so that three tests that happen
to agree do not pass for certainty.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from experiments.stats.bayesian.normal_model import NormalMixture
from experiments.stats.meta_analysis.heterogeneity import check_effects
from experiments.stats.meta_analysis.partial_pooling import shrinkage_nodes

# Standard deviation of the mean of log lifts before any test.
PRIOR_SD = 0.1
# A mean smaller than this, on the log scale, is no effect that anybody would ship for.
NEGLIGIBLE = math.log(1.01)
FEWEST_SUPPORTED, CHANCE_SUPPORTED = 3, 0.95
FEWEST_CONFIRMED, CHANCE_CONFIRMED, AGREEMENT_CONFIRMED = 10, 0.99, 0.75
CHANCE_REFUTED = 0.025


class Support(StrEnum):
    """Status of a claim. Stored; never rename."""

    EMERGING = "emerging"
    SUPPORTED = "supported"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonEffect:
    """Posterior of the mean of log lifts, and of the true log lift of a next test.

    Attributes:
        n_tests: Tests behind it, >= 1.
        mean: Posterior of the mean.
        next_test: Posterior of the true effect of a further test.
    """

    n_tests: int
    mean: NormalMixture
    next_test: NormalMixture


def common_effect(effects: npt.ArrayLike, ses: npt.ArrayLike) -> CommonEffect:
    """Return what tests show together.

    Args:
        effects: Log lifts, shape (k,), k >= 1.
        ses: Their standard errors, shape (k,), positive.

    Raises:
        ValueError: If there is no effect or a number is out of range.

    Source: Gelman et al. (2013), "Bayesian Data Analysis", section 5.4, with a normal prior on the
    mean; Daniels (1999), "A prior for the variance in hierarchical models", Can. J. Stat. 27.

    >>> effect = common_effect([0.08, 0.1, 0.12], [0.02, 0.02, 0.02])
    >>> round(effect.mean.mean, 3), round(effect.mean.chance_above(0), 2)
    (0.097, 1.0)
    """
    y, s = check_effects(effects, ses, least=1)
    typical = float(np.mean(s**-2.0)) ** -0.5
    factors, weights = shrinkage_nodes()
    squares = typical**2 * (1 - factors) / factors
    variance = s**2 + squares[:, None]
    precision = PRIOR_SD**-2.0 + np.sum(1 / variance, axis=1)
    weighted = np.sum(y / variance, axis=1)
    # The likelihood of the spread with the mean integrated out.
    logs = np.sum(np.log(variance) + y**2 / variance, axis=1)
    logs = -0.5 * (logs + np.log(precision) - weighted**2 / precision)
    weights = weights * np.exp(logs - logs.max())
    weights = weights / weights.sum()
    means, variances = weighted / precision, 1 / precision
    return CommonEffect(
        n_tests=y.size,
        mean=NormalMixture(weights=weights, means=means, sds=np.sqrt(variances)),
        next_test=NormalMixture(weights=weights, means=means, sds=np.sqrt(variances + squares)),
    )


def proposed_status(effect: CommonEffect, *, raises: bool) -> Support:
    """Return the status that the tests propose for a claim.

    Supported: at least 3 tests, and the mean has the claimed sign with a chance of 0.95. Confirmed:
    at least 10, a chance of 0.99, and a next test would agree with a chance of 0.75. Refuted: at
    least 3, and a mean of more than 1 % in the claimed direction has a chance of 0.025 at most.

    Args:
        effect: What the tests show together.
        raises: The claim is that the subject raises results; False: that it lowers them.

    >>> proposed_status(common_effect([0.1] * 3, [0.02] * 3), raises=True).value
    'supported'
    """
    side = 1 if raises else -1
    chance = _chance(effect.mean, side, beyond=0.0)
    agreement = _chance(effect.next_test, side, beyond=0.0)
    relevant = _chance(effect.mean, side, beyond=NEGLIGIBLE)
    n_tests = effect.n_tests
    is_sure = n_tests >= FEWEST_CONFIRMED and chance >= CHANCE_CONFIRMED
    if is_sure and agreement >= AGREEMENT_CONFIRMED:
        return Support.CONFIRMED
    if n_tests >= FEWEST_SUPPORTED and chance >= CHANCE_SUPPORTED:
        return Support.SUPPORTED
    if n_tests >= FEWEST_SUPPORTED and relevant <= CHANCE_REFUTED:
        return Support.REFUTED
    return Support.EMERGING


def _chance(belief: NormalMixture, side: int, *, beyond: float) -> float:
    return belief.chance_above(beyond) if side > 0 else belief.chance_below(-beyond)
