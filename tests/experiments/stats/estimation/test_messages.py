import copy
import json

import pytest

from experiments.stats.estimation.messages import (
    InvalidInputError,
    Message,
    MessageCode,
    Text,
    joined,
)

MESSAGE = Message(MessageCode.MODEL_AND_PRIOR, model="normal", prior="flat")
TEXT = Text(["B: ", joined([MESSAGE, "So be it."])])


def test_message_is_its_english_sentence():
    assert MESSAGE == "Model normal, prior flat."
    assert json.loads(json.dumps([MESSAGE, TEXT])) == [str(MESSAGE), str(TEXT)]
    assert type(str(MESSAGE)) is str


def test_message_without_its_numbers_is_refused():
    with pytest.raises(KeyError, match="prior"):
        Message(MessageCode.MODEL_AND_PRIOR, model="normal")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_keep_code_and_parts(copied):
    message, text = copied(MESSAGE), copied(TEXT)
    assert (message, message.code, message.numbers) == (MESSAGE, MESSAGE.code, MESSAGE.numbers)
    assert (text, text.parts) == (TEXT, TEXT.parts)
    assert text.parts[1].parts[0].code is MessageCode.MODEL_AND_PRIOR


def test_nothing_joined_is_empty():
    assert not joined([])


def test_error_says_its_message():
    error = InvalidInputError(MESSAGE)
    assert (str(error), error.text.code) == ("Model normal, prior flat.", MESSAGE.code)
