import ast
from pathlib import Path

import pytest
from django.utils import translation

from experiments.event_schema import messages
from experiments.event_schema.visitor_ids import FAULTS
from experiments.services.events import ingestion
from experiments.services.importing.event_history import LABELS
from experiments.services.importing.event_reasons import reason_in_words
from tables import amounts, numbers

# Faults of a whole request, which a file has none of.
OF_A_REQUEST = ("the clock is off",)


def raised_in(module):
    """The texts of the module's ValueErrors, with a stand-in for each of their values."""
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        is_raise = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        if is_raise and getattr(node.exc.func, "id", "") == "ValueError":
            yield text_of(node.exc.args[0])


def text_of(node):
    if isinstance(node, ast.Constant):
        return node.value
    return "".join(
        part.value if isinstance(part, ast.Constant) else stand_in(part) for part in node.values
    )


def stand_in(part):
    """A quoted text for `!r`; the fault that a text has, where it is the value of an error."""
    if part.conversion == ord("r"):
        return "'x'"
    return f"<{part.value.id}>" if isinstance(part.value, ast.Name) else "EUR"


def reasons():
    """Every answer of the checks that lines of a file go through."""
    found = {*raised_in(messages), *raised_in(ingestion)}
    of_amounts = [*raised_in(amounts), *numbers._WORDS.values()]
    of_amounts = [text.replace("<currency>", "EUR") for text in of_amounts]
    for text in found:
        if text.startswith(OF_A_REQUEST):
            continue
        for fault in of_amounts if "<error>" in text else [""]:
            for kind in FAULTS.values() if "<fault>" in text else [""]:
                yield (
                    text.replace("<error>", fault)
                    .replace("<fault>", kind)
                    .replace("<field>", "goal")
                )


def test_every_answer_of_the_checks_has_a_sentence():
    found = sorted(set(reasons()))
    assert len(found) > 15
    said = {one: reason_in_words(one, labels=LABELS) for one in found}
    assert [one for one, words in said.items() if words.startswith("The line is refused")] == []
    assert [one for one, words in said.items() if words == one] == []


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Object missing required field `slot`", "A value is missing or malformed: slot."),
        ("Invalid UUID - at `$.id`", "A value is missing or malformed: ID of the event."),
        ("value: '5 %' is not a number", "“5 %” is not a number"),
        ("something new", "The line is refused: something new"),
    ],
)
def test_answer_becomes_a_sentence(reason, words):
    assert reason_in_words(reason, labels=LABELS) == words


def test_sentence_is_in_the_language_of_the_reader():
    with translation.override("fr"):
        words = reason_in_words("order: is a placeholder: the number", labels=LABELS)
    assert words.startswith("Le numéro de commande")
