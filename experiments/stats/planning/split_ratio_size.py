"""Converting visitors that a comparison with a random holdout needs."""

import math

from scipy.special import ndtri

from experiments.stats.estimation.comparisons import check_alpha


def split_ratio_size(lift: float, *, share: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return the converting visitors of both groups together that show a lift over the holdout.

    The logarithm of the ratio of both rates has the variance 1/a + 1/b with a and b converting
    visitors in the two groups, of which the holdout has its share.

    Args:
        lift: Lift of the others over those held out, above -1 and not 0; 0.1 is 10 %.
        share: Part of the visitors held out at random, in (0, 1).
        alpha: Error rate of the two-sided test, in (0, 1).
        power: Chance to find the lift, in (0, 1) and above alpha.

    Returns:
        The number, rounded up.

    Raises:
        ValueError: If an argument is out of range.

    Source: Przyborowski, Wilenski (1940), "Homogeneity of results in testing samples from Poisson
        series", Biometrika 31, by the normal approximation of Gu, Ng, Tang, Schucany (2008),
        "Testing the ratio of two Poisson rates", Biometrical Journal 50.

    >>> split_ratio_size(0.1, share=0.05)
    19828
    """
    check_alpha(alpha)
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1: {share!r}")
    if not alpha < power < 1:
        raise ValueError(f"power must lie between alpha and 1: {power!r}")
    if lift <= -1 or lift == 0:
        raise ValueError(f"lift must be above -1 and not 0: {lift!r}")
    # Part of the converting visitors that is held out, if the lift is there.
    held_out = share / (share + (1 - share) * (1 + lift))
    width = float(ndtri(1 - alpha / 2) + ndtri(power)) / math.log1p(lift)
    return math.ceil(width**2 / (held_out * (1 - held_out)))
