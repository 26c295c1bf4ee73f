import pytest

from experiments.targeting.validation import validate_condition
from tests.experiments.targeting.conditions import EVERY_OPERATOR


def test_validation_accepts_every_operator():
    validate_condition(EVERY_OPERATOR, saved_groups={"staff", "bots"})
    validate_condition({})


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, "condition: must be an object, not null"),
        ([], "condition: must be an object, not array"),
        ({"$groups": 1}, r"condition: unknown operator '\$groups'"),
        ({"$or": [{}, {"a": {"$gt": 1, "$regx": "b"}}]}, r"\$or\[1\]\.a: unknown .* '\$regx'"),
        ({"$and": []}, r"\$and: must be a list with at least one item"),
        ({"$nor": {}}, r"\$nor: must be a list with at least one item"),
        ({"$not": "a"}, r"\$not: must be an object, not string"),
        ({"a..b": 1}, r"condition: 'a\.\.b' is not the name of an attribute"),
        ({"": 1}, "condition: '' is not the name of an attribute"),
        ({1: 1}, "condition: 1 is not the name of an attribute"),
        ({"a" * 501: 1}, "is not the name of an attribute"),
        ({"a": ["b"]}, r"a: a list must match exactly and in order; use \$in"),
        ({"a": {}}, "a: must not be an empty object"),
        ({"a": {"b": 1}}, r"a: 'b' is not an operator; write an inner field as a\.b"),
        ({"a": {"$gt": 1, "b": 1}}, "a: 'b' is not an operator"),
        ({"a": float("inf")}, "a: inf is not a number that JSON knows"),
        ({"a": "b" * 501}, "a: has more than 500 characters"),
        ({"a": {"$eq": []}}, r"a\.\$eq: must be a text, number, boolean or null, not array"),
        ({"a": {"$lt": None}}, r"a\.\$lt: must be a text or number, not null"),
        ({"a": {"$vgt": True}}, r"a\.\$vgt: must be a text or number, not boolean"),
        ({"a": {"$in": "FR"}}, r"a\.\$in: must be a list with at least one item"),
        ({"a": {"$in": ["b", {}]}}, r"a\.\$in\[1\]: must be a text, number, boolean or null"),
        ({"a": {"$all": [["b"]]}}, r"a\.\$all\[0\]: a list must match"),
        ({"a": {"$elemMatch": 1}}, r"a\.\$elemMatch: must be an object, not number"),
        ({"a": {"$elemMatch": {"$gt": []}}}, r"a\.\$elemMatch\.\$gt: must be a text or number"),
        ({"a": {"$size": -1}}, r"a\.\$size: must be a whole number from 0"),
        ({"a": {"$size": True}}, r"a\.\$size: must be a whole number from 0"),
        ({"a": {"$size": "3"}}, r"a\.\$size: must be a whole number from 0"),
        ({"a": {"$exists": 1}}, r"a\.\$exists: must be true or false, not number"),
        ({"a": {"$type": "text"}}, r"a\.\$type: must be one of null, boolean, .* not 'text'"),
        ({"a": {"$regex": 5}}, r"a\.\$regex: must be a text of at most 500 characters"),
        ({"a": {"$regexi": "("}}, r"a\.\$regexi: is not a regular expression .*: '\('"),
        ({"a": {"$inGroup": "gone"}}, r"a\.\$inGroup: unknown group 'gone'"),
        ({"a": {"$notInGroup": ["staff"]}}, r"a\.\$notInGroup: unknown group \['staff'\]"),
        ({"a": {"$not": {"$size": "b"}}}, r"a\.\$not\.\$size: must be a whole number"),
        ({"a": {"$in": ["b"] * 2_000}}, "condition: has more than 2000 values"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_validation_names_the_place_and_the_fault(condition, message):
    with pytest.raises(ValueError, match=message):
        validate_condition(condition, saved_groups={"staff"})


def test_validation_takes_unknown_groups_when_none_are_given():
    validate_condition({"id": {"$inGroup": "anything"}})


@pytest.mark.parametrize("depth", [13, 100_000])
def test_validation_refuses_deep_nesting(depth):
    condition = {}
    for _ in range(depth):
        condition = {"$not": condition}
    with pytest.raises(ValueError, match="condition: is nested deeper than 12 levels"):
        validate_condition(condition)
