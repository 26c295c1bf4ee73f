"""Evaluation of GrowthBook's targeting conditions.

A condition goes into the payload that browsers evaluate with GrowthBook's SDK, so
this evaluation follows that SDK in JavaScript, oddities included: a missing attribute
is null, and null is less than 1. It never fails on anything a visitor sends.

Source of all rules: GrowthBook, "Build your own SDK", spec 0.8.0, `evalCondition`.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from experiments.targeting.patterns import matches
from experiments.targeting.values import (
    COMPARISONS,
    compare,
    is_truthy,
    kind,
    same_json,
    strictly_equal,
    to_number,
    to_text,
    version_key,
)

_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")

SavedGroups = Mapping[str, Collection[Any]]


def evaluate_condition(
    condition: Mapping[str, Any],
    attributes: dict[str, Any],
    saved_groups: SavedGroups | None = None,
) -> bool:
    """Return whether a visitor's attributes meet a condition.

    Args:
        condition: Passed by `validate_condition`; an empty one takes everybody in.
            An unknown operator, as of a later version, is met by nobody.
        attributes: Parsed JSON from the visitor, anything at all; a dot in a field
            leads into an object or list.
        saved_groups: Values of the groups that `$inGroup` names; give a frozenset
            for a large group of texts. An unknown group is empty.

    Returns:
        True if every part of the condition is met.

    >>> evaluate_condition({"locale": {"$in": ["fr", "de"]}}, {"locale": "fr"})
    True
    >>> evaluate_condition({"utm.source": "mail"}, {"utm": {"source": "ads"}})
    False
    """
    return _evaluate(condition, attributes, saved_groups or {})


def _evaluate(condition: Mapping[str, Any], attributes: Any, groups: SavedGroups) -> bool:
    for key, operand in condition.items():
        connective = _CONNECTIVES.get(key)
        if connective is None:
            is_met = _meets(operand, _attribute(attributes, key), groups)
        else:
            is_met = connective(attributes, operand, groups)
        if not is_met:
            return False
    return True


def _meets(expected: Any, actual: Any, groups: SavedGroups, *, ignore_case: bool = False) -> bool:
    if isinstance(expected, str):
        text = to_text(actual)
        return text.lower() == expected.lower() if ignore_case else text == expected
    if isinstance(expected, bool):
        return actual is not None and is_truthy(actual) == expected
    if isinstance(expected, int | float):
        return to_number(actual) == to_number(expected)
    if _is_operator_object(expected):
        return all(_operate(name, actual, operand, groups) for name, operand in expected.items())
    return same_json(actual, expected)


def _is_operator_object(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(key[:1] == "$" for key in value)


def _operate(name: str, actual: Any, operand: Any, groups: SavedGroups) -> bool:
    test = _OPERATORS.get(name)
    return test is not None and test(actual, operand, groups)


def _attribute(attributes: Any, path: str) -> Any:
    current: Any = attributes
    for part in path.split("."):
        if isinstance(current, dict):
            current = current.get(part)
        elif isinstance(current, list) and _INDEX.fullmatch(part) and int(part) < len(current):
            current = current[int(part)]
        else:
            return None
    return current


def _any_met(attributes: Any, conditions: Any, groups: SavedGroups) -> bool:
    return not conditions or any(
        _evaluate(condition, attributes, groups) for condition in conditions
    )


def _all_met(attributes: Any, conditions: Any, groups: SavedGroups) -> bool:
    return all(_evaluate(condition, attributes, groups) for condition in conditions)


_CONNECTIVES: Final[dict[str, Callable[[Any, Any, SavedGroups], bool]]] = {
    "$and": _all_met,
    "$or": _any_met,
    "$nor": lambda attributes, operand, groups: not _any_met(attributes, operand, groups),
    "$not": lambda attributes, operand, groups: not _evaluate(operand, attributes, groups),
}


def _is_in(actual: Any, expected: Any) -> bool:
    if isinstance(actual, list):
        return any(_is_in(item, expected) for item in actual if not isinstance(item, list))
    if isinstance(actual, str):
        return actual in expected  # a text equals texts only: no need to look at types
    return any(strictly_equal(actual, item) for item in expected)


def _lower(value: Any) -> Any:
    if isinstance(value, list):
        return [item.lower() if isinstance(item, str) else item for item in value]
    return value.lower() if isinstance(value, str) else value


def _is_in_list(actual: Any, expected: Any, _: SavedGroups) -> bool:
    return isinstance(expected, list) and _is_in(actual, expected)


def _is_in_list_ignoring_case(actual: Any, expected: Any, _: SavedGroups) -> bool:
    return isinstance(expected, list) and _is_in(_lower(actual), _lower(expected))


def _is_not_in_list(actual: Any, expected: Any, _: SavedGroups) -> bool:
    return isinstance(expected, list) and not _is_in(actual, expected)


def _is_not_in_list_ignoring_case(actual: Any, expected: Any, _: SavedGroups) -> bool:
    return isinstance(expected, list) and not _is_in(_lower(actual), _lower(expected))


def _has_element(actual: Any, expected: Any, groups: SavedGroups) -> bool:
    if not isinstance(actual, list):
        return False
    test = _meets if _is_operator_object(expected) else _evaluate
    return any(item is not None and test(expected, item, groups) for item in actual)


def _has_all(actual: Any, expected: Any, groups: SavedGroups, *, ignore_case: bool = False) -> bool:
    if not isinstance(actual, list) or not isinstance(expected, list):
        return False
    return all(
        any(_meets(element, item, groups, ignore_case=ignore_case) for item in actual)
        for element in expected
    )


def _has_size(actual: Any, expected: Any, groups: SavedGroups) -> bool:
    return isinstance(actual, list) and _meets(expected, len(actual), groups)


def _compares(name: str) -> Callable[[Any, Any, SavedGroups], bool]:
    operator = COMPARISONS[name]
    return lambda actual, expected, _: compare(actual, expected, operator)


def _compares_versions(name: str) -> Callable[[Any, Any, SavedGroups], bool]:
    operator = COMPARISONS[name]
    return lambda actual, expected, _: operator(version_key(actual), version_key(expected))


_OPERATORS: Final[dict[str, Callable[[Any, Any, SavedGroups], bool]]] = {
    "$eq": lambda actual, expected, _: strictly_equal(actual, expected),
    "$ne": lambda actual, expected, _: not strictly_equal(actual, expected),
    **{f"${name}": _compares(name) for name in COMPARISONS},
    **{f"$v{name}": _compares_versions(name) for name in COMPARISONS},
    "$veq": lambda actual, expected, _: version_key(actual) == version_key(expected),
    "$vne": lambda actual, expected, _: version_key(actual) != version_key(expected),
    "$in": _is_in_list,
    "$nin": _is_not_in_list,
    "$ini": _is_in_list_ignoring_case,
    "$nini": _is_not_in_list_ignoring_case,
    "$inGroup": lambda actual, name, groups: _is_in(actual, groups.get(name, ())),
    "$notInGroup": lambda actual, name, groups: not _is_in(actual, groups.get(name, ())),
    "$all": _has_all,
    "$alli": lambda actual, expected, groups: _has_all(actual, expected, groups, ignore_case=True),
    "$elemMatch": _has_element,
    "$size": _has_size,
    "$exists": lambda actual, expected, _: (actual is not None) == is_truthy(expected),
    "$type": lambda actual, expected, _: kind(actual) == expected,
    "$regex": lambda actual, pattern, _: matches(actual, pattern),
    "$regexi": lambda actual, pattern, _: matches(actual, pattern, ignore_case=True),
    "$not": lambda actual, expected, groups: not _meets(expected, actual, groups),
}
