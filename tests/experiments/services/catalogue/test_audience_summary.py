import pytest
from django.utils import translation

from experiments.services.catalogue.audience_summary import summary_of


@pytest.mark.parametrize(
    ("condition", "english", "french"),
    [
        ({}, "Every visitor", "Tous les visiteurs"),
        (
            {"$or": [{"locale": "fr"}, {"plan": {"$exists": False}}]},
            "Language is “French” or plan is not known",
            "Langue est « Français » ou plan est inconnu",
        ),
        (
            {"$not": {"a": 1}},
            "A condition in JSON that has no rows",
            "Une condition en JSON, sans lignes",
        ),
    ],
)
def test_summary_is_in_the_readers_language(condition, english, french):
    assert summary_of(condition) == english
    with translation.override("fr"):
        assert summary_of(condition) == french.replace("« ", "«\u00a0").replace(" »", "\u00a0»")
