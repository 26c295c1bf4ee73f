import re

import pytest

from ml.language.lexicon import LANGUAGES, fold, lexicon_for, lexicon_of


@pytest.mark.parametrize(
    ("locale", "language"),
    [("fr", "fr"), ("fr-CA", "fr"), ("en_US", "en"), ("EN", "en"), ("de", None), ("", None)],
)
def test_lexicon_is_found_by_the_primary_tag(locale, language):
    found = lexicon_of(locale)
    assert (found and found.language) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Recevoir le guide dès aujourd'hui", "fr"),
        ("Get the guide now", "en"),
        ("Anmelden", None),
        ("", None),
    ],
)
def test_language_left_out_is_read_from_common_words(text, language):
    found = lexicon_for(text, "")
    assert (found and found.language) == language


def test_stated_language_is_believed():
    assert lexicon_for("Get the guide", "de") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_lexicon_is_written_as_it_is_searched(language):
    lexicon = lexicon_of(language)
    forms = [form for verb in lexicon.verbs for form in verb.forms.values()]
    words = [*forms, *lexicon.vague, *lexicon.not_verbs, *lexicon.common]
    assert [word for word in words if fold(word) != word] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_addition_keeps_the_text_and_shows_its_principle(language):
    lexicon = lexicon_of(language)
    for principle, templates in lexicon.additions.items():
        for template in templates:
            said = template.replace("{text}", "xxxx")
            assert "xxxx" in said
            assert lexicon.principles[principle].search(fold(said)), said


def test_french_verbs_have_four_different_heads():
    for verb in lexicon_of("fr").verbs:
        assert set(verb.forms) == {
            "infinitive",
            "imperative",
            "imperative_familiar",
            "first_person",
        }
        assert re.match(r"j'|je ", verb.forms["first_person"])
        assert not re.match(r"je [aeiouyéèêh]", verb.forms["first_person"])
