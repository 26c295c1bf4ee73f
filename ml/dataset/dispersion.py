"""Between-arm variance and sampling noise within contrast groups."""

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms, Dataset, sum_by_group

# Fewer replicated arms estimate the overdispersion too poorly.
MIN_REPLICATE_DOF = 30


def log_odds(arms: Arms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the log-odds of a click of each arm and its sampling variance.

    Args:
        arms: Arms of the groups; every arm has visitors.

    Returns:
        Log-odds and variances, both float64 (n,); finite for any counts.

    Source: Haldane-Anscombe correction of 1/2; Woolf (1955), Annals of Human Genetics 19(4).

    >>> import numpy as np
    >>> one = np.array([1.0])
    >>> odds, variance = log_odds(
    ...     Arms(texts=("A",), group=np.array([0]), visitors=one, clicks=0 * one)
    ... )
    >>> odds.round(3), variance.round(3)
    (array([-1.099]), array([2.667]))
    """
    hits, misses = arms.clicks + 0.5, arms.visitors - arms.clicks + 0.5
    return np.log(hits / misses), 1 / hits + 1 / misses


def arm_variance(arms: Arms, *, dispersion: float = 1.0) -> float:
    """Return tau squared, the variance of the true log-odds within a group.

    Args:
        arms: Arms of the groups.
        dispersion: Noise variance over binomial variance, >= 1.

    Returns:
        Variance on the log-odds scale, >= 0; 0 if the arms differ no more than by noise.

    Raises:
        ValueError: If the dispersion is below 1.

    Source: DerSimonian and Laird (1986), Controlled Clinical Trials 7(3), equation 8, with
    numerator and denominator summed over groups.

    >>> import numpy as np
    >>> counts = np.array([10.0, 10.0])
    >>> arm_variance(
    ...     Arms(texts=("A", "B"), group=np.array([0, 0]), visitors=9 * counts, clicks=counts)
    ... )
    0.0
    """
    if dispersion < 1:
        raise ValueError(f"dispersion: {dispersion} is below 1")
    excess, scale = variance_moments(arms, dispersion=dispersion)
    return max(0.0, float(excess.sum() / scale.sum())) if scale.sum() > 0 else 0.0


def replicate_dispersion(dataset: Dataset) -> float | None:
    """Estimate noise variance over binomial variance from arms with equal wording.

    Args:
        dataset: Contrast groups with the chi-squared of their replicated arms.

    Returns:
        Chi-squared per degree of freedom, at least 1; None with fewer than 30 degrees of freedom.

    >>> from ml.dataset.contrast_groups import build_groups
    >>> replicate_dispersion(build_groups([])) is None
    True
    """
    if dataset.replicate_dof < MIN_REPLICATE_DOF:
        return None
    return max(1.0, dataset.replicate_chi2 / dataset.replicate_dof)


def variance_moments(
    arms: Arms, *, dispersion: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the numerator and the denominator that `arm_variance` sums over groups.

    Args:
        arms: Arms of the groups.
        dispersion: Noise variance over binomial variance, >= 1.

    Returns:
        Cochran's Q less its degrees of freedom, and its scale; both float64 (number of groups,).

    >>> import numpy as np
    >>> counts = np.array([10.0, 10.0])
    >>> arms = Arms(texts=("A", "B"), group=np.array([0, 0]), visitors=9 * counts, clicks=counts)
    >>> variance_moments(arms, dispersion=1.0)[0]
    array([-1.])
    """
    odds, variance = log_odds(arms)
    weight = 1 / (dispersion * variance)

    def by_group(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return sum_by_group(values, arms.group, arms.n_groups)

    total = by_group(weight)
    mean = by_group(weight * odds) / total
    spread = by_group(weight * (odds - mean[arms.group]) ** 2)
    degrees = by_group(np.ones_like(odds)) - 1
    return spread - degrees, total - by_group(weight**2) / total
