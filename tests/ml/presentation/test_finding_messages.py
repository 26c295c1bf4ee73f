import pytest
from django.utils import translation

from ml.presentation.finding_messages import (
    FINDINGS,
    TRAIT_MEANINGS,
    TRAIT_NAMES,
    finding_sentence,
)

PARAMS = ("words", "characters", "most_words", "most_characters", "verb", "ease", "ratio", "needed")


@pytest.mark.parametrize("code", FINDINGS)
def test_every_finding_has_a_sentence(code):
    params = dict.fromkeys((*PARAMS, "word", "syllables", "pixels"), 7)
    assert "%(" not in finding_sentence(code, params)


def test_numbers_are_written_as_the_reader_writes_them():
    params = {"ratio": 3.14, "needed": 4.5}
    assert "3.14" in finding_sentence("contrast_low", params)
    with translation.override("fr"):
        assert "3,14" in finding_sentence("contrast_low", params)


def test_words_and_characters_are_counted_in_their_number():
    one = finding_sentence("length_good", {"words": 1, "characters": 25})
    assert one == "1 word, 25 characters."
    with translation.override("fr"):
        several = finding_sentence("length_good", {"words": 4, "characters": 1})
    assert several == "4 mots, 1 caractère."


def test_unknown_finding_is_refused():
    with pytest.raises(KeyError):
        finding_sentence("nonsense", {})


def test_every_principle_has_a_name_and_a_meaning():
    assert TRAIT_NAMES.keys() == TRAIT_MEANINGS.keys()
