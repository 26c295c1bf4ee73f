"""Reasons for undefined results, with one short English sentence each.

Arrays of results carry a reason as a small integer beside a NaN; single results carry `None`
and the sentence. `Reason.DEFINED` is 0, so an array of zeros means "everything is defined".
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.messages import Message, MessageCode

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
    TOO_FEW_EXPECTED = 9
    ONE_ARM_WITH_SHARE = 10
    FEW_CLICKS = 11
    FEW_VISITORS = 12
    FEW_IN_DENOMINATOR = 13

    @property
    def sentence(self) -> Message | None:
        """Return the reason in words, or None when the result is defined."""
        return Message(MessageCode[self.name]) if self else None


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
