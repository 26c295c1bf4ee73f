"""Training targets: log click rates centred by contrast group, with evidence weights."""

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms, center_in_group, sum_by_group
from ml.dataset.dispersion import arm_variance, log_odds


def centered_targets(arms: Arms) -> NDArray[np.float64]:
    """Return the log click rate of each arm less the mean of its group.

    One click at the group's own rate is added to every arm: log((c + 1) / (n + 1/p)), p the
    pooled rate of the group. A fixed log((c + 1) / (n + 100)) equals this at p = 1 %, but would
    pull arms of another click rate towards 1 %.

    Args:
        arms: Arms of the groups; every group has clicks.

    Returns:
        Differences on the log scale, float64 (n,); each group's mean is 0.

    >>> arms = Arms(
    ...     texts=("A", "B"),
    ...     group=np.array([0, 0]),
    ...     visitors=np.array([1000.0, 1000.0]),
    ...     clicks=np.array([120.0, 80.0]),
    ... )
    >>> centered_targets(arms).round(3)
    array([ 0.201, -0.201])
    """
    clicks = sum_by_group(arms.clicks, arms.group, arms.n_groups)
    rate = clicks / sum_by_group(arms.visitors, arms.group, arms.n_groups)
    smoothed = (arms.clicks + 1) / (arms.visitors + 1 / rate[arms.group])
    return center_in_group(np.log(smoothed), arms.group)


def evidence_weights(arms: Arms) -> NDArray[np.float64]:
    """Return the weight of each arm: 1 / (tau^2 + v), v its sampling variance, mean 1.

    Args:
        arms: Arms of the groups.

    Returns:
        Weights, float64 (n,). An arm with few clicks counts little; one with very many counts no
        more than the spread of true rates allows. Trust multiplies the weight.

    Source: random-effects weights, DerSimonian and Laird (1986), Controlled Clinical Trials 7(3).

    >>> arms = Arms(
    ...     texts=("A", "B"),
    ...     group=np.array([0, 0]),
    ...     visitors=np.array([100.0, 900.0]),
    ...     clicks=np.array([10.0, 90.0]),
    ... )
    >>> evidence_weights(arms).round(2)
    array([0.21, 1.79])
    """
    _, variance = log_odds(arms)
    weight = 1 / (arm_variance(arms) + variance)
    weight /= weight.mean()
    return np.asarray(weight if arms.trust is None else weight * arms.trust)
