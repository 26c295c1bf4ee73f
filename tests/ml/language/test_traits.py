import pytest

from ml.language.traits import find_traits

FRENCH = {
    "Plus que 3 places": {"scarcity", "number"},
    "Recevoir le guide offert": {"verb_first", "reward", "clarity"},
    "Rejoindre 8 000 lecteurs": {"verb_first", "social_proof", "number"},
    "Je commence maintenant": {"verb_first", "first_person", "urgency"},
    "Valider": {"verb_first"},
    "Prêt ?": {"question"},
    "Voir les tarifs": {"verb_first", "clarity"},
}
ENGLISH = {
    "Get 50% off today": {"verb_first", "reward", "urgency", "number"},
    "Join 8,000 readers": {"verb_first", "social_proof", "number"},
    "Only 3 left": {"scarcity", "number"},
    "See my results": {"verb_first", "first_person"},
    "Start in 2 minutes, no card": {"verb_first", "clarity", "number"},
    "Nowhere": set(),
    "Freedom": set(),
}


@pytest.mark.parametrize(("text", "expected"), FRENCH.items(), ids=FRENCH)
def test_french_traits_are_found(text, expected):
    assert find_traits(text, "fr") == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH.items(), ids=ENGLISH)
def test_english_traits_are_found(text, expected):
    assert find_traits(text, "en") == expected


def test_unknown_language_has_only_signs():
    assert find_traits("Jetzt kostenlos 3 Tage?", "de") == {"question", "number"}


def test_words_for_the_gesture_are_for_people_and_no_feature_of_predictors():
    """Stored predictors learned from these principles: they stay what they were."""
    assert sorted(find_traits("Click here to get my free guide", "en")) == [
        "clarity",
        "first_person",
        "reward",
        "verb_first",
    ]
    assert sorted(find_traits("Cliquez ici", "fr")) == ["verb_first"]
