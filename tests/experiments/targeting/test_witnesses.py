import pytest

from experiments.targeting.witnesses import comparisons_in, witnesses


@pytest.mark.parametrize(
    ("attribute", "comparisons", "is_complete"),
    [
        ("device", [("is", "mobile"), ("$in", ["tablet"])], True),
        ("age", [("$gte", 18), ("$lt", 65), ("is", "18")], True),
        ("age", [("$gte", 18), ("$lt", "65")], False),
        ("path", [("$regex", "^/a"), ("$regex", "b")], True),
        ("path", [("$regex", "^/a"), ("$gt", 5)], False),
        ("path", [("$regex", "(a|b)")], False),
        ("path", [("$regexi", "a")], False),
        ("path", [("$regex", letter) for letter in "abcdef"], False),
        ("tags", [("$all", ["a"])], False),
        ("id", [("$inGroup", "staff")], False),
        ("plan", [("$type", "string")], True),
        ("plan", [("$type", "array")], False),
        ("app", [("$vgte", "1.2.0"), ("$vlt", "1.3")], True),
        ("app", [("$vgte", "1.2.0"), ("is", "1.3")], False),
        ("locale", [("is", "fr"), ("$regex", "^fr")], True),
        ("locale", [("is", "fr"), ("$regex", "fr")], False),
    ],
)
def test_completeness_is_claimed_for_known_comparisons_only(attribute, comparisons, is_complete):
    assert witnesses(attribute, comparisons).is_complete is is_complete


def test_values_stand_on_both_sides_of_each_limit():
    values = witnesses("age", [("$gte", 18), ("$lt", 65)]).values
    numbers = [one for one in values if isinstance(one, int | float)]
    assert {18, 65} <= set(numbers)
    assert any(18 < one < 65 for one in numbers)
    assert min(numbers) < 18
    assert max(numbers) > 65


def test_values_hold_what_is_named_what_is_not_and_nothing():
    values = witnesses("device", [("is", "mobile")]).values
    assert "mobile" in values
    assert None in values
    assert any(isinstance(one, str) and one not in {"", "mobile"} for one in values)
    assert len({(type(one), repr(one)) for one in values}) == len(values)


def test_beginnings_and_parts_are_combined():
    values = witnesses("path", [("$regex", "^/a"), ("$regex", r"x\.y")]).values
    assert any(one.startswith("/a") and "x.y" in one for one in values if isinstance(one, str))


def test_comparisons_are_found_below_a_negation():
    assert [*comparisons_in("mobile")] == [("is", "mobile")]
    assert [*comparisons_in({"$not": "mobile"})] == [("is", "mobile")]
