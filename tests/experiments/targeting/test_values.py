import math
from itertools import pairwise
from operator import gt, lt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.targeting.values import (
    compare,
    is_truthy,
    kind,
    same_json,
    strictly_equal,
    to_number,
    to_text,
    version_key,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    # Number(value) under Node 20.
    [
        ("", 0),
        ("\u00a0 8\ufeff", 8),
        (".5", 0.5),
        ("5.", 5),
        ("-1E3", -1000),
        ("0b101", 5),
        ("0o17", 15),
        ("0xfF", 255),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ([], 0),
        ([[7]], 7),
        (False, 0),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        ("0x" + "f" * 400, math.inf),
    ],
    ids=lambda value: str(value)[:12],
)
def test_to_number_converts_like_javascript(value, expected):
    assert to_number(value) == expected


@pytest.mark.parametrize(
    "value", ["1_000", "inf", "nan", "8 apples", "-0x10", "\u0661", [1, 2], {}, {"a": 1}], ids=str
)
def test_to_number_is_nan_where_javascript_says_so(value):
    assert math.isnan(to_number(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    # String(value) under Node 20.
    [
        (-0.0, "0"),
        (1e20, "100000000000000000000"),
        (123456789012345680000, "123456789012345680000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (0.1 + 0.2, "0.30000000000000004"),
        (-2.5, "-2.5"),
        (math.nan, "NaN"),
        (10**400, "Infinity"),
        (-math.inf, "-Infinity"),
        (True, "true"),
        ({"a": 1}, "[object Object]"),
        ([None, [], [1, [2, "b"]], {}], ",,1,2,b,[object Object]"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_to_text_converts_like_javascript(value, expected):
    assert to_text(value) == expected


@given(st.floats(allow_nan=False))
def test_number_survives_its_text(value):
    assert to_number(to_text(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [(math.nan, False), (0.0, False), ("", False), (None, False), ({}, True), ("0", True)],
    ids=str,
)
def test_is_truthy_follows_javascript(value, expected):
    assert is_truthy(value) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1, "a"], [1.0, "a"], True),
        ([1], [1, 2], False),
        ([1], "1", False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ({"a": 1}, [1], False),
        ({"a": {"b": []}}, {"a": {"b": []}}, True),
        (True, 1, False),
    ],
    ids=str,
)
def test_same_json_compares_the_written_form(left, right, expected):
    assert same_json(left, right) is expected


def test_strictly_equal_compares_numbers_as_doubles():
    assert strictly_equal(2**53, 2**53 + 1)
    assert not strictly_equal(math.nan, math.nan)


def test_compare_orders_texts_by_code_unit():
    # By code point U+1F600 comes after U+FFFF; by code unit its surrogate comes first.
    assert compare("\U0001f600", "\uffff", lt)
    assert compare([2], "10", gt)
    assert not compare({}, 1, lt)


def test_versions_sort_by_semantic_versioning():
    # The example of Semantic Versioning 2.0.0, section 11.
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"]
    ordered += ["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1"]
    assert all(version_key(one) < version_key(other) for one, other in pairwise(ordered))


@pytest.mark.parametrize("value", [None, "", [], {}, True], ids=str)
def test_version_of_something_else_is_zero(value):
    assert version_key(value) == version_key("0") == version_key(0)


def test_kind_of_what_json_does_not_know_is_unknown():
    assert kind(object()) == "unknown"
