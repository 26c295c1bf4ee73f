import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.targeting.evaluation import evaluate_condition
from tests.experiments.targeting.conditions import EVERY_OPERATOR

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)
fields = ["country", "age", "app", "tags", "carts", "scores", "utm", "id", "page", "new_visitor"]


@pytest.mark.needs_shared
def test_evaluation_agrees_with_growthbook(conformance):
    cases = conformance["evalCondition"]
    assert len(cases) == 248
    assert [
        name
        for name, condition, attributes, expected, *groups in cases
        if evaluate_condition(condition, attributes, *groups) is not expected
    ] == []


@given(st.dictionaries(st.sampled_from(fields), json_values))
def test_evaluation_never_fails_on_what_a_visitor_sends(attributes):
    groups = {"staff": frozenset(["v-1"]), "bots": [1, None]}
    assert evaluate_condition(EVERY_OPERATOR, attributes, groups) in (True, False)
    for key, operand in EVERY_OPERATOR.items():
        assert evaluate_condition({key: operand}, attributes, groups) in (True, False)


@pytest.mark.parametrize(
    ("condition", "attributes", "expected"),
    # As the JavaScript SDK answers (@growthbook/growthbook 1.8.0 under Node 20).
    [
        ({"a.1": "y"}, {"a": ["x", "y"]}, True),
        ({"a.2": "y"}, {"a": ["x", "y"]}, False),
        ({"a.01": "y"}, {"a": ["x", "y"]}, False),
        ({"a": {"$elemMatch": {"$lt": 1}}}, {"a": [0]}, True),
        ({"a": {"$elemMatch": {"$exists": False}}}, {"a": [None]}, False),
        ({"a": 123456789012345680000}, {"a": 123456789012345680001}, True),
        ({"a": {"$in": [1, True]}}, {"a": True}, True),
        ({"a": {"$in": [1]}}, {"a": True}, False),
        ({"a": {"$in": ["b"]}}, {"a": [["b"]]}, False),
        ({"a": {"$ini": [1, "B"]}}, {"a": 1}, True),
        ({"a": {"$alli": ["b"]}}, {"a": ["B", 1]}, True),
        ({"a": {"$regex": "^null$"}}, {}, True),
        ({"a": 0}, {}, True),
        ({"a": {"b": 1, "$gt": 0}}, {"a": 1}, False),
    ],
    ids=str,
)
def test_evaluation_keeps_the_oddities_of_javascript(condition, attributes, expected):
    assert evaluate_condition(condition, attributes) is expected


def test_evaluation_survives_deeply_nested_attributes():
    deep_list, deep_object = [], {}
    for _ in range(5_000):
        deep_list, deep_object = [deep_list], {"a": deep_object}
    for value in (deep_list, deep_object):
        assert evaluate_condition({"tags": {"$regex": "^$"}}, {"tags": value}) in (True, False)
        assert not evaluate_condition({"tags": {"a": {"a": []}}}, {"tags": value})


def test_large_group_can_be_a_set():
    groups = {"staff": frozenset(f"v-{number}" for number in range(1_000))}
    assert evaluate_condition({"id": {"$inGroup": "staff"}}, {"id": "v-7"}, groups)
    assert not evaluate_condition({"id": {"$inGroup": "staff"}}, {"id": 7}, groups)
