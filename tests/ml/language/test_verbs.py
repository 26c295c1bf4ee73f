import pytest

from ml.language.lexicon import lexicon_of
from ml.language.verbs import opening_of


@pytest.mark.parametrize(
    ("text", "mood", "rest"),
    [
        ("Télécharger le guide", "infinitive", "le guide"),
        ("Je télécharge le guide", "first_person", "le guide"),
        ("Téléchargez le guide", "imperative", "le guide"),
        ("J\u2019obtiens mon devis", "first_person", "mon devis"),
        ("S'abonner", "infinitive", ""),
        ("Inscrivez-vous vite", "imperative", "vite"),
        ("Je m'inscris à la lettre", "first_person", "à la lettre"),
        ("Prendre rendez-vous en ligne", "infinitive", "en ligne"),
        ("Je veux recevoir le guide", "first_person", "le guide"),
        ("Bricoler chez soi", "infinitive", "chez soi"),  # in no lexicon, known by its ending
        ("Bricolez chez vous", "imperative", "chez vous"),
    ],
)
def test_french_opening_is_read(text, mood, rest):
    found = opening_of(text, lexicon_of("fr"))
    assert (found.mood, found.rest) == (mood, rest)


@pytest.mark.parametrize("text", ["Le guide", "Panier", "Chez nous", "Rendez-vous", "Guide", ""])
def test_french_without_a_verb_has_no_opening(text):
    assert opening_of(text, lexicon_of("fr")) is None


@pytest.mark.parametrize(
    ("text", "mood", "head"),
    [
        ("Sign up for free", "imperative", "sign up"),
        ("Please get the guide", "imperative", "get"),
        ("I want to see it", "first_person", "see"),
        ("Getting started", None, None),
        ("The guide", None, None),
    ],
)
def test_english_opening_is_read(text, mood, head):
    found = opening_of(text, lexicon_of("en"))
    assert (found and found.mood, found and found.head) == (mood, head)
