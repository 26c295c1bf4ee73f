"""Conditions as rows that a person edits: attribute, operator, value, joined by all or any.

Only a part of the language has this shape. Whatever has another is left alone: `rows_of` answers
None unless the rows would give back exactly the condition they came from.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

ALL: Final = "all"
ANY: Final = "any"
LISTS: Final = {"one_of": "$in", "none_of": "$nin"}
SCALARS: Final = {
    "is_not": "$ne",
    "at_least": "$gte",
    "above": "$gt",
    "at_most": "$lte",
    "below": "$lt",
}
NUMBERS: Final = ("at_least", "above", "at_most", "below")
PRESENCE: Final = {"known": True, "unknown": False}
# Name of the operator -> prefix of the escaped text.
PATTERNS: Final = {"begins": "^", "contains": ""}
OPERATORS: Final = ("is", *SCALARS, *LISTS, *PATTERNS, *PRESENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRow:
    """One line of an audience.

    Attributes:
        attribute: Name of the visitor's attribute.
        operator: One of OPERATORS.
        value: As typed: a text, a number, true or false; several with commas for a list; a text
            in quotation marks where it looks like something else. Empty for known and unknown.
    """

    attribute: str
    operator: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Lines of which all or any must hold.

    Attributes:
        match: ALL or ANY.
        rows: In order; none takes everybody in.
    """

    match: str
    rows: tuple[ConditionRow, ...]


def condition_of(rows: Rows) -> dict[str, Any]:
    """Return the condition that rows express.

    Args:
        rows: Lines with a name and a value each.

    Raises:
        ValueError: Names the attribute, if it or the value is empty, a number is asked for and
            none is there, or the operator is unknown.

    >>> row = ConditionRow(attribute="age", operator="at_least", value="18")
    >>> condition_of(Rows(match="any", rows=(row,)))
    {'$or': [{'age': {'$gte': 18}}]}
    """
    parts = [{row.attribute: _expected(row)} for row in rows.rows]
    if not parts:
        return {}
    if rows.match == ANY:
        return {"$or": parts}
    names = [row.attribute for row in rows.rows]
    if len(set(names)) < len(names):
        return {"$and": parts}
    return {name: part[name] for name, part in zip(names, parts, strict=True)}


def rows_of(condition: dict[str, Any]) -> Rows | None:
    """Return the rows that give this condition; None if none do.

    >>> rows_of({"locale": "fr"}).rows
    (ConditionRow(attribute='locale', operator='is', value='fr'),)
    >>> rows_of({"$not": {"locale": "fr"}}) is None
    True
    """
    match, parts = ALL, [{name: expected} for name, expected in condition.items()]
    for key, word in (("$or", ANY), ("$and", ALL)):
        if list(condition) == [key] and isinstance(condition[key], list):
            match, parts = word, condition[key]
    rows = [_row(part) for part in parts]
    candidate = Rows(match=match, rows=tuple(row for row in rows if row is not None))
    try:
        is_same = json.dumps(condition_of(candidate)) == json.dumps(condition)
    except ValueError:
        return None
    return candidate if is_same and None not in rows else None


def typed(text: str) -> str | float | bool:
    """Return what a person typed as a value of JSON: a number, true, false, or a text.

    >>> typed("18"), typed("true"), typed('"18"'), typed(" fr ")
    (18, True, '18', 'fr')
    """
    word = text.strip()
    try:
        value = json.loads(word)
    except (ValueError, RecursionError):  # Nested past all sense, too.
        return word
    return value if isinstance(value, str | int | float) and _is_finite(value) else word


def written(value: Any) -> str:
    """Return a value as a person would type it; the inverse of `typed`.

    >>> written(18), written("18"), written(True), written("fr")
    ('18', '"18"', 'true', 'fr')
    """
    if isinstance(value, str) and typed(value) == value and "," not in value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_finite(value: str | float) -> bool:
    return isinstance(value, str) or abs(value) < float("inf")


def _expected(row: ConditionRow) -> Any:
    if not row.attribute:
        raise ValueError("attribute: must not be empty")
    if row.attribute.startswith("$"):
        raise ValueError(f"attribute: {row.attribute!r} must not begin with $")
    if row.operator in PRESENCE:
        return {"$exists": PRESENCE[row.operator]}
    if not row.value.strip():
        raise ValueError(f"{row.attribute}: the value must not be empty")
    if row.operator in LISTS:
        return {LISTS[row.operator]: _expected_list(row)}
    value = typed(row.value)
    if row.operator in PATTERNS:
        return {"$regex": PATTERNS[row.operator] + _escaped(str(value))}
    if row.operator in NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"{row.attribute}: {row.value!r} is not a number")
    if row.operator == "is":
        return value
    name = SCALARS.get(row.operator)
    if name is None:
        raise ValueError(f"{row.attribute}: unknown operator {row.operator!r}")
    return {name: value}


def _expected_list(row: ConditionRow) -> list[Any]:
    words = _words(row.value)
    if not words:
        raise ValueError(f"{row.attribute}: the value must not be empty")
    return [typed(word) for word in words]


def _words(text: str) -> list[str]:
    """Cut a list at its commas, but not inside quotation marks."""
    words = re.findall(r'\s*("(?:[^"\\]|\\.)*"|[^,]+)\s*(?:,|$)', text)
    return [word.strip() for word in words if word.strip()]


def _escaped(text: str) -> str:
    # As few backslashes as possible: the SDKs of other languages read the pattern, too.
    return re.sub(r"[.*+?^${}()|\[\]\\/]", r"\\\g<0>", text)


def _row(part: Any) -> ConditionRow | None:
    if not isinstance(part, dict) or len(part) != 1:
        return None
    ((name, expected),) = part.items()
    if not isinstance(name, str) or name.startswith("$"):
        return None
    if not isinstance(expected, dict):
        return ConditionRow(attribute=name, operator="is", value=written(expected))
    if len(expected) != 1:
        return None
    ((operator, operand),) = expected.items()
    reader = _READERS.get(operator)
    reading = reader(operand) if reader is not None else None
    return (
        None
        if reading is None
        else ConditionRow(attribute=name, operator=reading[0], value=reading[1])
    )


def _read_list(operator: str) -> Callable[[Any], tuple[str, str] | None]:
    def read(operand: Any) -> tuple[str, str] | None:
        if not isinstance(operand, list):
            return None
        return operator, ", ".join(written(item) for item in operand)

    return read


def _read_scalar(operator: str) -> Callable[[Any], tuple[str, str] | None]:
    return lambda operand: (operator, written(operand))


def _read_presence(operand: Any) -> tuple[str, str] | None:
    return ("known" if operand is True else "unknown", "")


def _read_pattern(operand: Any) -> tuple[str, str] | None:
    if not isinstance(operand, str):
        return None
    begins = operand.startswith("^")
    text = re.sub(r"\\([.*+?^${}()|\[\]\\/])", r"\1", operand[1:] if begins else operand)
    return ("begins" if begins else "contains"), written(text)


_READERS: Final[dict[str, Callable[[Any], tuple[str, str] | None]]] = {
    **{sign: _read_list(name) for name, sign in LISTS.items()},
    **{sign: _read_scalar(name) for name, sign in SCALARS.items()},
    "$exists": _read_presence,
    "$regex": _read_pattern,
}
