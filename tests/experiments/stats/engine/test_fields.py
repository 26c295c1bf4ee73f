import pytest

from experiments.stats.engine.fields import InvalidRequest, number_of, refuse_unknown
from experiments.stats.estimation.messages import Message, MessageCode


def test_error_names_the_field_and_the_fault():
    error = InvalidRequest("alpha", "must lie between 0 and 1")
    assert (error.field, error.message) == ("alpha", "must lie between 0 and 1")
    assert str(error) == "alpha: must lie between 0 and 1"


def test_error_may_have_a_sentence_that_can_be_translated():
    text = Message(MessageCode.N_NOT_WHOLE, arm=1, given="1.5")
    assert InvalidRequest("arms[1].n", "must be whole", text=text).text is text


def test_number_is_refused_with_the_path_of_its_object():
    with pytest.raises(InvalidRequest, match=r"^prior\.sd: must lie between 1 and 2; not 3$"):
        number_of({"sd": 3}, "sd", low=1, high=2, prefix="prior.")
    assert number_of({}, "sd", default=1.5, low=1, high=2) == 1.5


def test_known_fields_are_let_through():
    refuse_unknown({"mean": 1}, ("mean", "sd"))
