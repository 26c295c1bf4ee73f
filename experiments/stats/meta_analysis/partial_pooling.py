"""Partial pooling: hierarchical shrinkage of several effects to their common mean.

Model: y_i ~ N(theta_i, s_i^2), theta_i ~ N(mean, spread^2), flat prior on the mean. The spread's
prior makes the shrinkage factor of an average effect, s0^2 / (s0^2 + spread^2) with s0^2 the
harmonic mean of the s_i^2, uniform on (0, 1): no scale has to be chosen, and it is proper for two
effects too. The spread is integrated out, not plugged in, so intervals know it is uncertain.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre

from experiments.stats.bayesian.normal_model import NormalMixture
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.meta_analysis.heterogeneity import check_effects

_NODES = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Posterior of every effect.

    Attributes:
        effects: One mixture of normals for each effect, in order.
        shrinkage: Posterior mean of the shrinkage factor of an average effect, in (0, 1): near
            1 the effects look alike, near 0 each stands for itself.
    """

    effects: tuple[NormalMixture, ...]
    shrinkage: float


def pool_partially(
    effects: npt.ArrayLike, ses: npt.ArrayLike, *, shared_variance: float = 0.0
) -> Pooled:
    """Return the effects shrunken towards their common mean.

    Args:
        effects: Effects or lifts, shape (k,), k >= 2.
        ses: Standard errors, shape (k,), positive.
        shared_variance: Covariance of any two of them, e.g. that of a shared control's mean.

    Returns:
        The posteriors.

    Raises:
        ValueError: If there are fewer than two effects or a number is out of range.

    Source: Daniels (1999), "A prior for the variance in hierarchical models", Can. J. Stat. 27;
    Gelman et al. (2013), "Bayesian Data Analysis", section 5.4.

    >>> pooled = pool_partially([0.0, 0.1, 0.5], [0.05, 0.05, 0.4])
    >>> round(pooled.effects[2].mean, 2)
    0.08
    """
    y, s = check_effects(effects, ses, least=2)
    if not 0 <= shared_variance < float(s.min()) ** 2:
        raise ValueError(f"shared_variance must be in [0, min(ses)^2), got {shared_variance}")
    # The shared part moves all effects alike: it is not a spread between them.
    independent_ses = np.sqrt(s**2 - shared_variance)
    typical = float(np.mean(independent_ses**-2.0)) ** -0.5
    factors, weights = shrinkage_nodes()
    spreads = typical * np.sqrt((1 - factors) / factors)
    variance = independent_ses**2 + spreads[:, None] ** 2
    mean_variance = 1 / np.sum(1 / variance, axis=1)
    means = mean_variance * np.sum(y / variance, axis=1)
    # The likelihood of the spread with the mean integrated out.
    squares = np.sum((y - means[:, None]) ** 2 / variance, axis=1)
    logs = 0.5 * (np.log(mean_variance) - np.sum(np.log(variance), axis=1) - squares)
    weights = weights * np.exp(logs - logs.max())
    weights = weights / weights.sum()
    reliability = spreads[:, None] ** 2 / variance
    centres = means[:, None] + reliability * (y - means[:, None])
    # Own error, the error of the mean, and the shared error.
    variances = (
        reliability * independent_ses**2
        + (1 - reliability) ** 2 * mean_variance[:, None]
        + shared_variance
    )
    posteriors = tuple(
        NormalMixture(weights=weights, means=centres[:, i], sds=np.sqrt(variances[:, i]))
        for i in range(y.size)
    )
    return Pooled(effects=posteriors, shrinkage=float(weights @ factors))


@cache
def shrinkage_nodes() -> tuple[FloatArray, FloatArray]:
    """Return nodes in (0, 1) of the shrinkage factor and their weights, which sum to 1.

    >>> nodes, weights = shrinkage_nodes()
    >>> round(float(weights @ nodes), 6)
    0.5
    """
    nodes, weights = legendre.leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2
