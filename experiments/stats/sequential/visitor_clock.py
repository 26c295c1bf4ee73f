"""Clock of a plan whose shares may change: time in visitors, and weights that fit to it.

Time t is the part of the planned visitors that is in. In a phase in which the control has the
share c and an arm the share a, a visitor brings the information c a / (c + a). The phase's
Mantel-Haenszel score, divided by the root of that, has the variance of its visitors; the sum over
the phases is a Brownian motion B(t) without an effect, whatever the shares and whoever chooses
them, if he knows only what is past. So the boundary of a plan holds for changed shares, too.

Time in information does not have this property: a share that is raised turns time back, and the
visitors who come then get the plan's alpha a second time.

Source: Fisher (1998), "Self-designing clinical trials", Stat. Med. 17, 1551-1562; Mueller,
Schaefer (2004), "A general statistical principle for changing a design any time during the course
of a trial", Stat. Med. 23, 2497-2508: the error that a plan has left, given its data, stays.
"""

import numpy as np

from experiments.stats.estimation.sufficient_statistics import FloatArray


def phase_scale(shares: FloatArray) -> FloatArray:
    """Return the factors of the phases' Mantel-Haenszel weights, for each arm but the control.

    Args:
        shares: Shares of the arms in each phase, control first, shape `(S, K)`.

    Returns:
        sqrt((c + a) / (c a)) of shape `(S, K - 1)`; 0 where one of the two has no share.

    >>> phase_scale(np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])).round(3).tolist()
    [[2.0], [3.333], [0.0]]
    """
    with np.errstate(all="ignore"):
        information = shares[:, :1] * shares[:, 1:] / (shares[:, :1] + shares[:, 1:])
        return np.asarray(np.where(information > 0, 1 / np.sqrt(information), 0.0))


def visitor_time(n: FloatArray, shares: FloatArray, planned_visitors: float | None) -> FloatArray:
    """Return the time of each comparison: the part of the planned visitors that is in.

    Visitors of phases in which the control or the arm has no share do not count; those before an
    arm's first phase are not planned for it.

    Args:
        n: Visitors until each look, shape `(D, ..., S, K)`.
        shares: Shares of the arms in each phase, shape `(S, K)`.
        planned_visitors: Visitors of all arms at the plan's end, > 0.

    Returns:
        Times of shape `(D, ..., K - 1)`, which do not fall along the first axis.

    Raises:
        ValueError: If the planned visitors are missing or not positive.

    >>> n = np.array([[[900.0, 100.0], [0, 0]], [[900.0, 100.0], [500.0, 500.0]]])
    >>> visitor_time(n, np.array([[0.9, 0.1], [0.5, 0.5]]), 4_000).tolist()
    [[0.25], [0.5]]
    """
    if planned_visitors is None or not 0 < planned_visitors < np.inf:
        raise ValueError(f"planned_visitors must be positive: {planned_visitors!r}")
    is_met = (shares[:, :1] > 0) & (shares[:, 1:] > 0)
    visitors = n.sum(axis=-1)
    met = visitors @ is_met.astype(np.float64)
    missed = visitors.sum(axis=-1)[..., None] - met
    first = (met > 0).argmax(axis=0)[None]
    left = planned_visitors - np.take_along_axis(missed, first, axis=0)
    return np.asarray(met / np.where(left > 0, left, planned_visitors))
