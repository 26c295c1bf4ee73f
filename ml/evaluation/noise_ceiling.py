"""Noise ceiling: the score of an oracle of the true click rates against noisy tests."""

import numpy as np

from ml.dataset.contrast_groups import Arms
from ml.dataset.dispersion import log_odds, variance_moments
from ml.dataset.pairs import pair_arms
from ml.evaluation.bootstrap import Estimate, estimate, resample, total


def noise_ceiling(arms: Arms, *, rng: np.random.Generator, dispersion: float = 1.0) -> Estimate:
    """Return the expected pair accuracy of an oracle against the observed winners.

    True log-odds of the arms of a group are taken as normal with variance tau^2, and the noise of
    a pair as normal with the sampling variance v of its difference: the signs then agree with
    probability 1/2 + arcsin(sqrt(2 tau^2 / (2 tau^2 + v))) / pi.

    Args:
        arms: Arms of the groups.
        rng: Source of the bootstrap draws.
        dispersion: Noise variance over binomial variance, >= 1.

    Returns:
        Accuracy in [0.5, 1] with a 95 % interval that carries the uncertainty of tau; undefined
        without pairs.

    Source: Sheppard (1899), Phil. Trans. A 192, for the probability of equal signs.

    >>> arms = Arms(
    ...     texts=("A", "B"),
    ...     group=np.array([0, 0]),
    ...     visitors=np.array([1e9, 1e9]),
    ...     clicks=np.array([2e7, 1e7]),
    ... )
    >>> round(noise_ceiling(arms, rng=np.random.default_rng(1)).value, 2)
    1.0
    """
    pairs = pair_arms(arms)
    if not len(pairs):
        return Estimate(value=None, low=None, high=None)
    excess, scale = variance_moments(arms, dispersion=dispersion)
    sums = {"excess": excess, "scale": scale}
    tau2 = estimate(
        lambda totals: np.maximum(0.0, totals["excess"] / totals["scale"]),
        total(sums),
        resample(sums, rng=rng),
    )
    _, variance = log_odds(arms)
    noise = dispersion * (variance[pairs.first] + variance[pairs.second])

    def accuracy(value: float | None) -> float:
        signal = 2 * (value or 0.0)
        return float(np.mean(0.5 + np.arcsin(np.sqrt(signal / (signal + noise))) / np.pi))

    return Estimate(value=accuracy(tau2.value), low=accuracy(tau2.low), high=accuracy(tau2.high))
