import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.languages import (
    looked_up,
    range_pattern,
    spelled,
    with_language_ranges,
)
from experiments.targeting.patterns import compile_pattern
from experiments.targeting.validation import validate_condition

FRENCH = ["fr", "FR", "fr-FR", "fr_FR", "fr-ca", "Fr_Ch", "fr-Latn-FR", "fr;q=0.9"]
OTHERS = ["en", "frr", "fra-FR", "f", "", "xfr", "de-FR", None, 3, ["en"]]


def is_in(condition, locale):
    return evaluate_condition(with_language_ranges(condition), {"locale": locale})


@pytest.mark.parametrize(
    "condition",
    [
        {"locale": "fr"},
        {"locale": "FR"},
        {"locale": {"$eq": "fr"}},
        {"locale": {"$in": ["it", "fr"]}},
        {"locale": {"$ini": ["FR"]}},
        {"$or": [{"locale": "it"}, {"locale": "fr"}]},
        {"$and": [{"locale": "fr"}]},
        {"$not": {"locale": {"$ne": "fr"}}},
        {"$nor": [{"locale": {"$nin": ["fr"]}}]},
        {"locale": {"$not": {"$ne": "fr"}}},
    ],
)
def test_language_takes_in_its_regions_in_any_spelling(condition):
    validate_condition(condition)
    assert [one for one in FRENCH if not is_in(condition, one)] == []
    assert [one for one in OTHERS if is_in(condition, one)] == []


@pytest.mark.parametrize(
    "condition",
    [
        {"locale": {"$ne": "fr"}},
        {"locale": {"$nin": ["fr", "it"]}},
        {"locale": {"$nini": ["FR"]}},
        {"$not": {"locale": "fr"}},
    ],
)
def test_language_that_is_excluded_excludes_its_regions(condition):
    assert [one for one in FRENCH if is_in(condition, one)] == []
    assert [one for one in OTHERS if not is_in(condition, one)] == []


def test_region_takes_in_itself_alone():
    condition = {"locale": "fr-CA"}
    assert [one for one in [*FRENCH, *OTHERS] if is_in(condition, one)] == ["fr-ca"]


def test_operators_side_by_side_must_all_hold():
    condition = {"device": "mobile", "locale": {"$in": ["fr", "en"], "$eq": "fr", "$ne": "fr-CA"}}
    served = with_language_ranges(condition)
    found = [one for one in ("fr-FR", "fr-CA", "en", "de") if evaluate_condition(
        served, {"device": "mobile", "locale": one}
    )]  # fmt: skip
    assert found == ["fr-FR"]


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"language": "fr"},
        {"locale": {"$exists": True}},
        {"locale": {"$regex": "^fr"}},
        {"locale": ["fr"]},
        {"locale": {"$in": ["fr", 3]}},
        {"locale": "not a tag"},
        {"locale": {"name": "fr"}},
        {"locale": {}},
        {"locale": 3},
    ],
)
def test_what_compares_no_language_tags_stays_as_it_is(condition):
    assert with_language_ranges(condition) == condition


@given(st.lists(st.from_regex(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", fullmatch=True), min_size=1))
def test_pattern_of_ranges_means_the_same_in_python_and_javascript(tags):
    assert all(compile_pattern(range_pattern(tags)).search(tag.swapcase()) for tag in tags)


@pytest.mark.parametrize(
    ("tags", "wanted", "found"),
    [
        (["en", "pt-BR"], "pt-br", "pt-BR"),
        (["en", "fr"], "fr_CA", "fr"),
        (["fr", "fr-CA"], "FR-ca", "fr-CA"),
        (["en", "zh-Hant"], "zh-hant-tw", "zh-Hant"),
        (["en", "pt-BR", "pt-PT"], "pt", "pt-BR"),
        (["en_US"], "en-GB", "en_US"),
        (["en", "fr"], "de", None),
        (["en"], "", None),
        ([], "en", None),
        (["frr"], "fr", None),
    ],
)
def test_tag_that_serves_a_visitor_best_is_found(tags, wanted, found):
    assert looked_up(tags, wanted) == found


# Examples of RFC 5646, 2.1.1.
@pytest.mark.parametrize("tag", ["mn-Cyrl-MN", "zh-Hant-TW", "sr-Latn-RS", "en-CA", "sl-rozaj"])
def test_tag_is_spelled_as_recommended(tag):
    assert spelled(tag.upper().replace("-", "_")) == tag
