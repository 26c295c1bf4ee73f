import numpy as np
import pytest

from experiments.stats.estimation.undefined_reasons import Reason, first_reason


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.name)
def test_every_reason_but_defined_has_a_sentence_of_its_own(reason):
    sentences = [other.sentence for other in Reason if other is not reason]
    if reason is Reason.DEFINED:
        assert reason.sentence is None
    else:
        assert reason.sentence.endswith(".")
        assert reason.sentence not in sentences


def test_first_condition_that_holds_gives_the_reason():
    one, other = [reason for reason in Reason if reason is not Reason.DEFINED][:2]
    reasons = first_reason(
        (np.array([True, False, False]), one), (np.array([True, True, False]), other)
    )
    assert list(reasons) == [one, other, Reason.DEFINED]
