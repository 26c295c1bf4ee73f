"""Reasons for undefined results, with one short English sentence each.

Arrays of results carry a reason as a small integer beside a NaN; single results carry `None`
and the sentence. `Reason.DEFINED` is 0, so an array of zeros means "everything is defined".
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

ReasonArray = npt.NDArray[np.int8]


class Reason(IntEnum):
    """A cause of an undefined result; the larger value does not win, the first cause does.

    >>> Reason.NO_VISITORS.sentence
    'An arm has no visitors.'
    >>> Reason.DEFINED.sentence is None
    True
    """

    DEFINED = 0
    NO_VISITORS = 1
    ONE_VISITOR = 2
    NO_VARIANCE = 3
    ZERO_DENOMINATOR = 4
    ZERO_CONTROL = 5
    UNBOUNDED_LIFT = 6
    OUT_OF_RANGE = 7
    NEGATIVE_RATIO = 8
    TOO_FEW_EXPECTED = 9
    ONE_ARM_WITH_SHARE = 10
    FEW_CLICKS = 11
    FEW_VISITORS = 12
    PLAN_OVER = 13
    EMPTY_STRATUM = 14

    @property
    def sentence(self) -> str | None:
        """Return the reason in words, or None when the result is defined."""
        return _SENTENCES.get(self)


_SENTENCES = {
    Reason.NO_VISITORS: "An arm has no visitors.",
    Reason.ONE_VISITOR: "An arm has one visitor only, so its variance is unknown.",
    Reason.NO_VARIANCE: (
        "All visitors of an arm have the same outcome, so its variance cannot be estimated yet."
    ),
    Reason.ZERO_DENOMINATOR: "The denominator of an arm's ratio is 0.",
    Reason.ZERO_CONTROL: "The control's mean is 0, so a relative change does not exist.",
    Reason.UNBOUNDED_LIFT: (
        "The control's mean is not distinguishable from 0, so no bounded interval for the lift "
        "exists."
    ),
    Reason.OUT_OF_RANGE: "The result is beyond the range of floating-point numbers.",
    Reason.NEGATIVE_RATIO: "The logarithm of the ratio needs two means of the same sign.",
    Reason.TOO_FEW_EXPECTED: (
        "An arm expects fewer than 5 visitors, too few for a chi-squared test."
    ),
    Reason.ONE_ARM_WITH_SHARE: "Fewer than two arms have a share above 0.",
    Reason.FEW_CLICKS: (
        "An arm has fewer than 20 visitors who did it, or who did not, too few for a sequential "
        "interval of the effect."
    ),
    Reason.FEW_VISITORS: (
        "An arm has fewer than 100 visitors, too few for a sequential comparison of means."
    ),
    Reason.EMPTY_STRATUM: "An arm has no visitors in a stratum; merge it with a similar one.",
    Reason.PLAN_OVER: "The planned visitors have come; the running interval ended with the plan.",
}


def first_reason(*conditions: tuple[npt.NDArray[np.bool_], Reason]) -> ReasonArray:
    """Return, element by element, the first reason whose condition holds.

    Args:
        *conditions: Pairs of a boolean array and the reason it stands for, in order of
            precedence; the arrays broadcast against each other.

    Returns:
        Reason codes, int8, of the broadcast shape; 0 where no condition holds.

    >>> first_reason((np.array([True, False]), Reason.NO_VISITORS)).tolist()
    [1, 0]
    """
    arrays = np.broadcast_arrays(*(condition for condition, _ in conditions))
    codes = [np.int8(reason) for _, reason in conditions]
    return np.select(list(arrays), codes, default=np.int8(0)).astype(np.int8)
