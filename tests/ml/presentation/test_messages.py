import pytest
from django.utils import translation

from ml.presentation.messages import SENTENCES, sentence

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("code", SENTENCES)
def test_every_sentence_can_be_filled_in(code):
    names = ["tests", "locale", "needed", "limit", "unseen", "locales", "audience", "found"]
    names += ["detail", "suspect", "borrowed", "form", "placement", "encoder", "predictor"]
    names += ["learned", "wordings", "agreement", "words", "share"]
    filled = sentence(code, dict.fromkeys(names, 7))
    assert "%(" not in filled
    assert "%%" not in filled


def test_sentences_follow_the_language_of_the_reader():
    with translation.override("fr"):
        # Looked up when it is shown, not when the module was imported.
        assert str(SENTENCES["empty"]) == translation.gettext(
            "No prediction: the wording is empty."
        )


@pytest.mark.parametrize(
    ("code", "name", "level", "shown"),
    [
        ("form_unmeasured", "form", "button", "(Bouton)"),
        ("placement_own", "placement", "in_text", "(Dans le texte)"),
        ("form_own", "form", "banner", "(banner)"),
    ],
)
def test_levels_are_named_in_the_language_of_the_reader(code, name, level, shown):
    figures = dict.fromkeys(["tests", "words", "needed", "borrowed"], 7)
    with translation.override("fr"):
        assert shown in sentence(code, {**figures, name: level})
