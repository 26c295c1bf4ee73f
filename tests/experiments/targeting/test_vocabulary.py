import pytest

from experiments.targeting.vocabulary import (
    NeverMatchedError,
    check_values,
    country_codes,
    meant_by,
    names_of,
)


@pytest.mark.parametrize(
    ("condition", "attribute", "value", "meant"),
    [
        ({"device": "phone"}, "device", "phone", "mobile"),
        ({"device": "Mobile"}, "device", "Mobile", "mobile"),
        ({"device": {"$in": ["tablet", "PC"]}}, "device", "PC", "desktop"),
        ({"device": {"$ne": "Smartphone"}}, "device", "Smartphone", "mobile"),
        ({"device": {"$regex": "^phone"}}, "device", "phone", "mobile"),
        ({"device": "watch"}, "device", "watch", None),
        ({"country": "France"}, "country", "France", "FR"),
        ({"country": "fr"}, "country", "fr", "FR"),
        ({"country": {"$nin": ["Allemagne"]}}, "country", "Allemagne", "DE"),
        ({"country": "UK"}, "country", "UK", "GB"),
        ({"country": "Atlantis"}, "country", "Atlantis", None),
        ({"country": "EU"}, "country", "EU", None),
        ({"new_visitor": "oui"}, "new_visitor", "oui", True),
        ({"new_visitor": {"$in": ["true"]}}, "new_visitor", "true", True),
        ({"new_visitor": "returning"}, "new_visitor", "returning", False),
        ({"locale": "French"}, "locale", "French", "fr"),
        ({"locale": "français"}, "locale", "français", "fr"),
        ({"locale": "xx-FR"}, "locale", "xx-FR", None),
        ({"locale": "fr, de"}, "locale", "fr, de", None),
        ({"$or": [{"path": "/"}, {"$not": {"device": "phone"}}]}, "device", "phone", "mobile"),
    ],
)
def test_value_that_never_occurs_is_refused_with_what_is_meant(condition, attribute, value, meant):
    with pytest.raises(NeverMatchedError, match=attribute) as refused:
        check_values(condition)
    found = refused.value
    assert (found.attribute, found.value, found.meant) == (attribute, value, meant)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"device": "mobile", "new_visitor": True, "country": "FR", "locale": "fr-CA"},
        {"device": {"$in": ["tablet", "desktop"]}, "new_visitor": False},
        {"device": {"$exists": False}},
        # Any device there is, as in JavaScript.
        {"device": True},
        {"device": None},
        {"device": {"$ini": ["MOBILE"]}, "country": {"$ini": ["fr"]}},
        {"device": {"$regex": "^(mobile|tablet)$"}},
        # A bare text is compared with the text of the value.
        {"new_visitor": "true"},
        {"locale": {"$in": ["pt_br", "PT", "zh-Hant-TW", "fil"]}},
        {"locale": {"$regex": "^fr"}},
        {"country": {"$in": ["GB", "XK"]}},
        {"plan": "phone", "utm_source": "France"},
    ],
)
def test_values_that_occur_pass(condition):
    check_values(condition)


def test_list_of_countries_has_names_and_codes():
    french = names_of("country", "fr")
    assert (french["Allemagne"], french["Royaume-Uni"]) == ("DE", "GB")
    assert set(french.values()) == country_codes()
    assert 240 < len(french) < 270
    assert list(french)[:2] != sorted(french.values())[:2]
    assert names_of("country", "tlh") == names_of("country", "en")


def test_list_of_languages_has_names_and_tags():
    assert names_of("locale", "fr")["Portugais brésilien"] == "pt-BR"
    assert names_of("locale", "en")["German"] == "de"


def test_name_means_its_code():
    assert meant_by("country", "belgique") == "BE"
    assert meant_by("path", "x") is None
