from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.languages import with_language_ranges
from experiments.targeting.overlap import Relation, find_visitor, relation, specific_first
from tests.experiments.targeting.conditions import EVERY_OPERATOR

MOBILE = {"device": "mobile"}
FRENCH = {"locale": "fr"}
FR_MOBILE = {"device": "mobile", "country": "FR"}


def is_met(condition, visitor):
    return evaluate_condition(with_language_ranges(condition), visitor)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({}, {}, "same"),
        (MOBILE, {}, "inside"),
        ({}, MOBILE, "around"),
        (MOBILE, {"device": {"$in": ["mobile"]}}, "same"),
        (MOBILE, {"device": {"$in": ["mobile", "tablet"]}}, "inside"),
        (MOBILE, {"device": "tablet"}, "apart"),
        (MOBILE, {"device": {"$ne": "mobile"}}, "apart"),
        (MOBILE, {"$not": {"device": "mobile"}}, "apart"),
        (MOBILE, {"device": {"$not": {"$eq": "mobile"}}}, "apart"),
        (MOBILE, FRENCH, "crossing"),
        (MOBILE, {"$or": [MOBILE, FRENCH]}, "inside"),
        ({"$and": [MOBILE, FRENCH]}, {"$or": [MOBILE, FRENCH]}, "inside"),
        ({"$nor": [MOBILE]}, {"device": {"$nin": ["mobile"]}}, "same"),
        # Languages are ranges, whatever their spelling.
        ({"locale": "fr-CA"}, FRENCH, "inside"),
        ({"locale": "fr_ca"}, {"locale": "FR-ca"}, "same"),
        ({"locale": "fr"}, {"locale": "frr"}, "apart"),
        ({"locale": {"$ne": "fr"}}, {"locale": "fr-CA"}, "apart"),
        # "Begins with fr" leaves out FR, and takes in frr.
        (FRENCH, {"locale": {"$regex": "^fr"}}, "crossing"),
        ({"locale": {"$regex": "^fr"}}, {"locale": "de"}, "apart"),
        # Numbers.
        ({"age": {"$gte": 18}}, {"age": {"$gt": 17}}, "inside"),
        ({"age": {"$gte": 18}}, {"age": {"$gt": 18}}, "around"),
        ({"age": {"$lt": 18}}, {"age": {"$gte": 18}}, "apart"),
        ({"age": {"$gt": 18, "$lt": 19}}, {"age": {"$gt": 18.5}}, "crossing"),
        ({"age": {"$gt": 18, "$lt": 18}}, {}, "apart"),
        ({"day": {"$gte": "2026-02-01"}}, {"day": {"$gte": "2026-01-01"}}, "inside"),
        # Beginnings and parts.
        ({"path": {"$regex": r"^\/shop\/"}}, {"path": {"$regex": r"^\/shop"}}, "inside"),
        ({"path": {"$regex": "^/a"}}, {"path": {"$regex": "^/b"}}, "apart"),
        ({"path": "/shop/1"}, {"path": {"$regex": r"^\/shop"}}, "inside"),
        ({"path": {"$regex": "shop"}}, {"path": {"$regex": "cart"}}, "crossing"),
        ({"path": {"$regex": "shopping"}}, {"path": {"$regex": "shop"}}, "inside"),
        ({"path": {"$regex": "^/cart"}}, {"path": {"$regex": "cart"}}, "inside"),
        # Presence.
        ({"utm_source": {"$exists": True}}, {"utm_source": {"$exists": False}}, "apart"),
        ({"utm_source": "mail"}, {"utm_source": {"$exists": True}}, "inside"),
        ({"new_visitor": True}, {"new_visitor": False}, "apart"),
        # Versions.
        ({"app": {"$vgte": "2.0.0"}}, {"app": {"$vlt": "2.0.0"}}, "apart"),
        ({"app": {"$vgt": "2.0.0"}}, {"app": {"$vgte": "2.0.0"}}, "inside"),
        ({"app": {"$vgt": "1.2", "$vlt": "1.3"}}, {"app": {"$vgt": "1.0"}}, "inside"),
        # Never at once, by two attributes.
        (FR_MOBILE, {"$or": [{"device": {"$ne": "mobile"}}, {"country": {"$ne": "FR"}}]}, "apart"),
        # As in JavaScript, true is 1 to a bare value, and not to an operator.
        ({"a": 1}, {"a": {"$ne": 1}}, "crossing"),
        # A general pattern is no plain text: what is not found is not claimed.
        ({"path": {"$regex": "^/(a|b)$"}}, {"path": {"$regex": "^/c"}}, "unknown"),
        ({"utm": {"$exists": True}, "utm.source": "x"}, {"utm.source": "y"}, "unknown"),
    ],
)
def test_relation_of_two_conditions(one, other, found):
    assert relation(one, other).value == found
    turned = {"inside": "around", "around": "inside"}.get(found, found)
    assert relation(other, one).value == turned


def test_everybody_is_around_every_audience_that_can_be_met():
    assert relation({}, EVERY_OPERATOR) in {Relation.AROUND, Relation.UNKNOWN}


def test_union_of_audiences_leaves_nobody():
    parts = [{"device": "mobile"}, {"device": {"$ne": "mobile"}}]
    assert find_visitor(inside=[FRENCH], outside=parts).is_nobody
    left = find_visitor(inside=[FRENCH], outside=parts[:1])
    assert is_met(FRENCH, left.visitor)
    assert not is_met(parts[0], left.visitor)


def test_many_attributes_are_given_up_and_said():
    parts = [{f"a{n}": {"$in": list(range(6))}, f"b{n}": {"$gt": n}} for n in range(12)]
    hard = {"$and": [{"$or": [part, {"c": n}]} for n, part in enumerate(parts)]}
    search = find_visitor(inside=[hard], outside=[{"$or": parts}, {"c": {"$gte": 0}}])
    assert search.visitor is None or is_met(hard, search.visitor)
    assert not search.is_certain or search.visitor is not None or search.is_nobody


def test_specific_audience_goes_first_and_others_keep_their_order():
    french_mobile = {"device": "mobile", "locale": "fr"}
    conditions = [{}, FRENCH, MOBILE, {"country": "FR"}, french_mobile]
    assert specific_first(conditions) == [3, 4, 1, 2, 0]
    assert specific_first([MOBILE, FRENCH]) == [0, 1]
    assert specific_first([]) == []


TEXTS = ["", "a", "ab", "b", "/a/b", "5", "true", "null"]
NUMBERS = [0, 1, 5, 5.5, -2]
SCALARS = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans(), st.none())
EXPECTED = st.one_of(
    SCALARS,
    st.fixed_dictionaries({"$in": st.lists(SCALARS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"$nin": st.lists(SCALARS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"$ne": SCALARS}),
    st.fixed_dictionaries({"$gte": st.sampled_from(NUMBERS)}),
    st.fixed_dictionaries({"$lt": st.sampled_from(NUMBERS)}),
    st.fixed_dictionaries({"$gt": st.sampled_from(["a", "ab"])}),
    st.fixed_dictionaries({"$exists": st.booleans()}),
    st.fixed_dictionaries({"$regex": st.sampled_from(["^a", "^ab", "b", r"\/"])}),
)
ATTRIBUTES = ("x", "y")
CONDITIONS = st.recursive(
    st.dictionaries(st.sampled_from(ATTRIBUTES), EXPECTED, max_size=2),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$or": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"$not": inner}),
        st.fixed_dictionaries({"$nor": st.lists(inner, min_size=1, max_size=2)}),
    ),
    max_leaves=4,
)
# Not those that the search itself tries.
VALUES = [
    None,
    True,
    False,
    *TEXTS,
    *NUMBERS,
    "abc",
    "zzb",
    "/",
    "a/",
    " 5",
    "5.0",
    3,
    99,
    "B",
    "aa",
]
VISITORS = [
    {name: value for name, value in zip(ATTRIBUTES, values, strict=True) if value is not None}
    for values in product(VALUES, repeat=2)
]


@given(inside=CONDITIONS, outside=CONDITIONS)
def test_search_agrees_with_trying_every_visitor(inside, outside):
    """What is found meets them; where nobody is, nobody of a thousand visitors is either."""
    search = find_visitor(inside=[inside], outside=[outside])
    matching = [one for one in VISITORS if is_met(inside, one) and not is_met(outside, one)]
    if search.visitor is not None:
        assert is_met(inside, search.visitor)
        assert not is_met(outside, search.visitor)
    elif search.is_certain:
        assert matching == []
