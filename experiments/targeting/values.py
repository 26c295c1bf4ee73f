"""Values and comparisons as JavaScript treats them.

A targeting condition is evaluated here and in browsers, and both must agree on
every visitor. So a value that comes from JSON is compared by JavaScript's rules:
`"8"` is greater than 5, a missing value is neither, `True` is not 1.

Source of all rules: ECMA-262 (2024), sections 7.1 and 7.2; GrowthBook SDK spec 0.8.0.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Final

KINDS: Final = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
}

_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_PREFIXED: Final = re.compile(r"0(x[0-9a-f]+|o[0-7]+|b[01]+)", re.IGNORECASE)
_WHITESPACE: Final = " \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def kind(value: object) -> str:
    """Return the JSON type of a value: what `$type` compares with.

    >>> kind(None), kind(1.5), kind(True), kind([])
    ('null', 'number', 'boolean', 'array')
    """
    return KINDS.get(type(value), "unknown")


def strictly_equal(left: object, right: object) -> bool:
    """Return whether `left === right`; two parsed lists or objects never are.

    >>> strictly_equal(1, 1.0), strictly_equal(1, True), strictly_equal([], [])
    (True, False, False)
    """
    left_kind = kind(left)
    if left_kind in ("array", "object") or left_kind != kind(right):
        return False
    return to_number(left) == to_number(right) if left_kind == "number" else left == right


def same_json(left: object, right: object) -> bool:
    """Return whether both values have the same `JSON.stringify` text.

    >>> same_json({"a": [1, None]}, {"a": [1.0, None]}), same_json([1], ["1"])
    (True, False)
    """
    if isinstance(left, dict):
        # A list of keys: JSON.stringify keeps their order.
        return (
            isinstance(right, dict)
            and list(left) == list(right)
            and all(same_json(left[key], right[key]) for key in left)
        )
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same_json(a, b) for a, b in zip(left, right, strict=True))
        )
    return strictly_equal(left, right)


def to_number(value: object) -> float:
    """Return `Number(value)`; NaN for what is not a number.

    >>> to_number(" 8 "), to_number(None), to_number(True), to_number("0x1F")
    (8.0, 0.0, 1.0, 31.0)
    >>> to_number("8 apples")
    nan
    """
    if isinstance(value, bool | int | float):
        return _to_float(value)
    if value is None:
        return 0.0
    return _text_to_number(to_text(value).strip(_WHITESPACE))


def to_text(value: object) -> str:
    """Return `String(value)`.

    >>> to_text(10.0), to_text(None), to_text(False), to_text([1, [None, "a"]])
    ('10', 'null', 'false', '1,,a')
    """
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_to_text(_to_float(value))
    return _list_to_text(value) if isinstance(value, list) else "[object Object]"


def is_truthy(value: object) -> bool:
    """Return `Boolean(value)`: empty lists and objects are true.

    >>> is_truthy([]), is_truthy(""), is_truthy(0), is_truthy("0")
    (True, False, False, True)
    """
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value) or isinstance(value, list | dict)


def compare(left: object, right: object, operator: Callable[[Any, Any], bool]) -> bool:
    """Return `left operator right` for one of <, <=, > and >=.

    Two texts are compared by UTF-16 code units, everything else as numbers; a
    comparison with something that is not a number is false.

    Args:
        left: Value from JSON.
        right: Value from JSON.
        operator: `lt`, `le`, `gt` or `ge` of the module `operator`.

    >>> compare("10", 9, gt), compare("10", "9", gt), compare("x", 9, gt)
    (True, False, False)
    """
    left, right = _to_primitive(left), _to_primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return operator(_code_units(left), _code_units(right))
    return operator(to_number(left), to_number(right))


def version_key(value: object) -> bytes:
    """Return a key by which software versions sort (`$vgt` and its kin).

    Numbers are padded, so that 1.10 comes after 1.9; a third part without a fourth
    gets `~`, so that a release comes after its pre-releases; build names do not count.

    Source: GrowthBook SDK spec 0.8.0, `paddedVersionString`.

    >>> version_key("v1.9.0") < version_key("1.10.0-beta") < version_key("1.10.0+b7")
    True
    """
    text = to_text(value) if kind(value) == "number" else value
    if not isinstance(text, str) or not text:
        text = "0"
    parts = re.split(r"[-.]", re.sub(r"^v|\+.*$", "", text))
    if len(parts) == 3:
        parts.append("~")
    padded = (part.rjust(5) if part.isascii() and part.isdecimal() else part for part in parts)
    return _code_units("-".join(padded))


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _text_to_number(text: str) -> float:
    if not text:
        return 0.0
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _PREFIXED.fullmatch(text):
        return _to_float(int(text, 0))
    return {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}.get(text, math.nan)


def _number_to_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    text = repr(value)
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(text), "f").removesuffix(".0")
    return re.sub(r"e([+-])0", r"e\1", text)


def _list_to_text(values: list[Any]) -> str:
    # A stack, not a recursion: a visitor may nest lists as deep as JSON allows.
    texts, stack = [], values[::-1]
    while stack:
        value = stack.pop()
        if isinstance(value, list) and value:
            stack.extend(value[::-1])
        else:
            texts.append("" if value is None or value == [] else to_text(value))
    return ",".join(texts)


def _to_primitive(value: object) -> object:
    return to_text(value) if isinstance(value, list | dict) else value


def _code_units(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")
