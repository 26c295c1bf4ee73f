import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.rows import (
    ALL,
    ANY,
    LISTS,
    NUMBERS,
    OPERATORS,
    PRESENCE,
    ConditionRow,
    Rows,
    condition_of,
    rows_of,
    typed,
    written,
)
from experiments.targeting.validation import validate_condition

CASES = [
    ({}, Rows(match=ALL, rows=())),
    (
        {"locale": "fr"},
        Rows(match=ALL, rows=(ConditionRow(attribute="locale", operator="is", value="fr"),)),
    ),
    (
        {"$or": [{"utm_source": {"$in": ["mail", "ads"]}}, {"new_visitor": True}]},
        Rows(
            match=ANY,
            rows=(
                ConditionRow(attribute="utm_source", operator="one_of", value="mail, ads"),
                ConditionRow(attribute="new_visitor", operator="is", value="true"),
            ),
        ),
    ),
    (
        {"$and": [{"age": {"$gte": 18}}, {"age": {"$lt": 65}}]},
        Rows(
            match=ALL,
            rows=(
                ConditionRow(attribute="age", operator="at_least", value="18"),
                ConditionRow(attribute="age", operator="below", value="65"),
            ),
        ),
    ),
    (
        {"path": {"$regex": "^\\/pricing\\.html"}, "plan": {"$exists": False}},
        Rows(
            match=ALL,
            rows=(
                ConditionRow(attribute="path", operator="begins", value="/pricing.html"),
                ConditionRow(attribute="plan", operator="unknown"),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("condition", "rows"), CASES, ids=lambda value: str(value)[:40])
def test_condition_and_rows_are_two_forms_of_one_thing(condition, rows):
    assert rows_of(condition) == rows
    assert condition_of(rows) == condition
    validate_condition(condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"$not": {"locale": "fr"}},
        {"$nor": [{"locale": "fr"}]},
        {"age": {"$gte": 18, "$lt": 65}},
        {"$or": [{"a": 1, "b": 2}]},
        {"$or": [{"$and": [{"a": 1}]}]},
        {"path": {"$regex": "^/(a|b)"}},
        {"path": {"$regex": "a.c"}},
        {"tags": {"$elemMatch": {"$eq": "vip"}}},
        {"version": {"$vgt": "1.2.0"}},
        {"a": {"$in": []}},
        {"a": None},
        {"a": {"$eq": "b"}},
        {"$and": [{"a": 1}, {"b": 2}]},
        {"a": {"b": "c"}},
        {"$or": "x"},
    ],
    ids=str,
)
def test_what_rows_cannot_say_is_left_alone(condition):
    assert rows_of(condition) is None


names = st.sampled_from(["locale", "device", "age", "utm_source", "own.name"])
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1).filter(
    str.strip
)
scalars = st.one_of(texts, st.integers(-1_000, 1_000), st.booleans(), st.floats(-9, 9))


@st.composite
def made_rows(draw):
    operator = draw(st.sampled_from(OPERATORS))
    if operator in PRESENCE:
        value = ""
    elif operator in LISTS:
        value = ", ".join(written(one) for one in draw(st.lists(scalars, min_size=1, max_size=4)))
    elif operator in NUMBERS:
        value = written(draw(st.integers(-99, 99)))
    else:
        value = written(draw(scalars))
    return ConditionRow(attribute=draw(names), operator=operator, value=value)


@given(st.sampled_from([ALL, ANY]), st.lists(made_rows(), min_size=1, max_size=4))
def test_what_rows_say_comes_back_as_rows_that_say_the_same(match, rows):
    condition = condition_of(Rows(match=match, rows=tuple(rows)))
    again = rows_of(json.loads(json.dumps(condition)))
    assert again is None or condition_of(again) == condition


@given(scalars)
@example("0 ")  # as a number it would lose the space, so it is written in quotes
def test_value_that_is_written_is_read_again(value):
    assert typed(written(value)) == value


def test_text_that_looks_like_a_number_stays_a_text():
    rows = rows_of({"plan": "18", "beta": "true", "name": "a, b"})
    assert [row.value for row in rows.rows] == ['"18"', '"true"', '"a, b"']


def test_pattern_finds_what_was_typed_and_nothing_else():
    condition = condition_of(
        Rows(
            match=ALL,
            rows=(ConditionRow(attribute="path", operator="contains", value="a.b?c=(1)"),),
        )
    )
    validate_condition(condition)
    assert evaluate_condition(condition, {"path": "/x/a.b?c=(1)"})
    assert not evaluate_condition(condition, {"path": "/x/aXb?c=(1)"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ConditionRow(attribute="", operator="is", value="x"), "attribute: must not be empty"),
        (
            ConditionRow(attribute="$or", operator="is", value="x"),
            r"attribute: '\$or' must not begin",
        ),
        (
            ConditionRow(attribute="age", operator="is", value=" "),
            "age: the value must not be empty",
        ),
        (
            ConditionRow(attribute="plan", operator="one_of", value=" , ,"),
            "plan: the value must not be empty",
        ),
        (
            ConditionRow(attribute="age", operator="above", value="old"),
            "age: 'old' is not a number",
        ),
        (
            ConditionRow(attribute="age", operator="above", value="true"),
            "age: 'true' is not a number",
        ),
        (ConditionRow(attribute="age", operator="like", value="x"), "age: unknown operator 'like'"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_row_that_says_nothing_is_refused_by_name(row, message):
    with pytest.raises(ValueError, match=message):
        condition_of(Rows(match=ALL, rows=(row,)))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5_000])
def test_value_that_is_nested_past_all_sense_is_a_text(text):
    assert typed(text) == text
