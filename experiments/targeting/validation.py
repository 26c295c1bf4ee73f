"""Validation of an audience's condition: only the unambiguous part of the language."""

import math
import re
from collections.abc import Callable, Collection
from typing import Any, Final, NoReturn

from experiments.targeting.patterns import compile_pattern
from experiments.targeting.values import KINDS, kind

MAX_DEPTH: Final = 12  # deeper than any audience a person can still read
MAX_VALUES: Final = 2_000  # every key, operand and list item counts
MAX_TEXT: Final = 500  # characters of one field, operand or pattern

NO_TEXT: Final = re.compile(r"[\x00\ud800-\udfff]")

Groups = Collection[str] | None


def validate_condition(condition: object, saved_groups: Groups = None) -> None:
    """Refuse a condition that an SDK could misread, or that has no sensible meaning.

    Args:
        condition: Parsed JSON; an empty object takes everybody in.
        saved_groups: Names of the groups that exist; None skips that check.

    Raises:
        ValueError: Names the place, as in `$or[1].country`, and the fault: not an
            object, an unknown operator, an operand of the wrong type, operators
            mixed with fields, an empty list, an unknown group, a pattern that
            `compile_pattern` refuses, more than MAX_DEPTH levels, MAX_VALUES values
            or MAX_TEXT characters, or a text with NUL or half of a character (a lone
            surrogate), which not every database stores and no JSON carries.

    >>> validate_condition({"country": {"$inn": ["FR"]}})
    Traceback (most recent call last):
    ...
    ValueError: country: unknown operator '$inn'
    """
    _check_size(condition)
    _check_condition(condition, "", saved_groups)


def storable(value: Any) -> Any:
    r"""Return parsed JSON in which every character can be written as UTF-8.

    For conditions that were stored before `validate_condition` refused others.

    Args:
        value: Parsed JSON of at most a few dozen levels.

    Returns:
        The value itself, or a copy with U+FFFD for NUL and for each lone surrogate.

    >>> storable({"city": ["a\ud800", 1]})
    {'city': ['a\ufffd', 1]}
    """
    if isinstance(value, str):
        return NO_TEXT.sub("\ufffd", value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value


def _fail(place: str, fault: str) -> NoReturn:
    raise ValueError(f"{place or 'condition'}: {fault}")


def _check_size(condition: object) -> None:
    # Level by level and not recursive: this is what bounds the recursions.
    level, n_values = [condition], 0
    for _ in range(MAX_DEPTH):
        n_values += len(level)
        if n_values > MAX_VALUES:
            _fail("", f"has more than {MAX_VALUES} values")
        for value in level:
            if isinstance(value, str) and NO_TEXT.search(value):
                _fail("", f"{value[:MAX_TEXT]!r} has a character that cannot be stored")
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    _fail("", f"is nested deeper than {MAX_DEPTH} levels")


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _check_condition(condition: object, place: str, groups: Groups) -> None:
    if not isinstance(condition, dict):
        _fail(place, f"must be an object, not {kind(condition)}")
    for key, operand in condition.items():
        inner = f"{place}.{key}" if place else str(key)
        if key in ("$and", "$or", "$nor"):
            for index, item in enumerate(_checked_list(operand, inner)):
                _check_condition(item, f"{inner}[{index}]", groups)
        elif key == "$not":
            _check_condition(operand, inner, groups)
        else:
            _check_field(key, place)
            _check_expected(operand, inner, groups)


def _check_field(key: object, place: str) -> None:
    if not isinstance(key, str) or not all(key.split(".")) or len(key) > MAX_TEXT:
        _fail(place, f"{key!r} is not the name of an attribute")
    if key.startswith("$"):
        _fail(place, f"unknown operator {key!r}")


def _check_expected(expected: object, place: str, groups: Groups) -> None:
    if isinstance(expected, list):
        _fail(place, "a list must match exactly and in order; use $in, or $all for lists")
    if not isinstance(expected, dict):
        _check_scalar(expected, place, groups)
        return
    if not expected:
        _fail(place, "must not be an empty object")
    for name, operand in expected.items():
        if not isinstance(name, str) or not name.startswith("$"):
            _fail(place, f"{name!r} is not an operator; write an inner field as {place}.{name}")
        check = _CHECKS.get(name)
        if check is None:
            _fail(place, f"unknown operator {name!r}")
        check(operand, f"{place}.{name}", groups)


def _checked_list(operand: object, place: str) -> list[Any]:
    if not isinstance(operand, list) or not operand:
        _fail(place, "must be a list with at least one item")
    return operand


def _check_scalar(operand: object, place: str, _: Groups) -> None:
    if kind(operand) in ("array", "object", "unknown"):
        _fail(place, f"must be a text, number, boolean or null, not {kind(operand)}")
    if isinstance(operand, float) and not math.isfinite(operand):
        _fail(place, f"{operand} is not a number that JSON knows")
    if isinstance(operand, str) and len(operand) > MAX_TEXT:
        _fail(place, f"has more than {MAX_TEXT} characters")


def _check_ordered(operand: object, place: str, groups: Groups) -> None:
    if kind(operand) not in ("string", "number"):
        _fail(place, f"must be a text or number, not {kind(operand)}")
    _check_scalar(operand, place, groups)


def _check_scalars(operand: object, place: str, groups: Groups) -> None:
    for index, item in enumerate(_checked_list(operand, place)):
        _check_scalar(item, f"{place}[{index}]", groups)


def _check_each(operand: object, place: str, groups: Groups) -> None:
    for index, item in enumerate(_checked_list(operand, place)):
        _check_expected(item, f"{place}[{index}]", groups)


def _check_element(operand: object, place: str, groups: Groups) -> None:
    if isinstance(operand, dict) and operand and all(str(key)[:1] == "$" for key in operand):
        _check_expected(operand, place, groups)
    else:
        _check_condition(operand, place, groups)


def _check_count(operand: object, place: str, groups: Groups) -> None:
    if isinstance(operand, dict):
        _check_expected(operand, place, groups)
    elif not isinstance(operand, int) or isinstance(operand, bool) or operand < 0:
        _fail(place, f"must be a whole number from 0 or an object of operators, not {operand!r}")


def _check_boolean(operand: object, place: str, _: Groups) -> None:
    if not isinstance(operand, bool):
        _fail(place, f"must be true or false, not {kind(operand)}")


def _check_kind(operand: object, place: str, _: Groups) -> None:
    if operand not in KINDS.values():
        _fail(place, f"must be one of {', '.join(KINDS.values())}, not {operand!r}")


def _check_pattern(operand: object, place: str, _: Groups) -> None:
    if not isinstance(operand, str) or len(operand) > MAX_TEXT:
        _fail(place, f"must be a text of at most {MAX_TEXT} characters")
    try:
        compile_pattern(operand)
    except ValueError as error:
        _fail(place, str(error))


def _check_group(operand: object, place: str, groups: Groups) -> None:
    if not isinstance(operand, str) or (groups is not None and operand not in groups):
        _fail(place, f"unknown group {operand!r}")


_CHECKS: Final[dict[str, Callable[[object, str, Groups], None]]] = {
    **dict.fromkeys(("$eq", "$ne"), _check_scalar),
    **dict.fromkeys(("$lt", "$lte", "$gt", "$gte"), _check_ordered),
    **dict.fromkeys(("$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"), _check_ordered),
    **dict.fromkeys(("$in", "$nin", "$ini", "$nini"), _check_scalars),
    **dict.fromkeys(("$all", "$alli"), _check_each),
    **dict.fromkeys(("$inGroup", "$notInGroup"), _check_group),
    **dict.fromkeys(("$regex", "$regexi"), _check_pattern),
    "$elemMatch": _check_element,
    "$size": _check_count,
    "$exists": _check_boolean,
    "$type": _check_kind,
    "$not": _check_expected,
}
