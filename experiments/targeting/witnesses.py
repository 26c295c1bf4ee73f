"""Values of one attribute that stand for all others in the comparisons of some conditions.

A condition looks at an attribute through a few comparisons. Values for which all of them come out
alike are alike to it, so one of each kind stands for the rest: a text that is named, one that is
not, a number between two limits. A visitor has one value for an attribute, no list of them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Final

from experiments.targeting.languages import ATTRIBUTE, spelled
from experiments.targeting.values import to_number, to_text, version_key

EQUALITIES: Final = frozenset({"is", "$eq", "$ne"})
LISTS: Final = frozenset({"$in", "$nin", "$ini", "$nini"})
IGNORING_CASE: Final = frozenset({"$ini", "$nini"})
ORDERS: Final = frozenset({"$lt", "$lte", "$gt", "$gte"})
VERSIONS: Final = frozenset({"$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"})
SCALAR_TYPES: Final = frozenset({"null", "boolean", "number", "string"})
# More texts that may stand anywhere in a value would take too many combinations.
MOST_CONTAINED: Final = 5
ABOVE_ALL: Final = "~"

_LITERAL: Final = re.compile(r"(?:[^\\.*+?^${}()|\[\]]|\\[^A-Za-z0-9])+")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
# Fillers between the texts of a value; the first that no text has is taken.
_FILLERS: Final = "\u25a1\u25b3\u25c7\u2606"

# An operator, or "is" for a bare value, and what it compares with.
Comparison = tuple[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """Values of an attribute, None for a visitor without it.

    `is_complete`: every other single value is like one of these to the comparisons.
    """

    values: tuple[Any, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kinds:
    """Operands of the comparisons of an attribute, by kind of comparison."""

    constants: list[Any]
    limits: list[Any]
    versions: list[Any]
    beginnings: list[str]
    contained: list[str]
    is_typed: bool
    is_opaque: bool


def witnesses(attribute: str, comparisons: Sequence[Comparison]) -> Witnesses:
    """Return values of an attribute that stand for all others.

    Args:
        attribute: Its name; a language is compared as a range.
        comparisons: Operators of validated conditions, without `$not`, with their operands.

    >>> witnesses("device", [("is", "mobile")]).is_complete
    True
    >>> witnesses("city", [("$regex", "a+b")]).is_complete
    False
    """
    kinds = _kinds(comparisons)
    texts = [one for one in (*kinds.constants, *kinds.limits) if isinstance(one, str)]
    filler = _filler([*texts, *kinds.beginnings, *kinds.contained, *map(str, kinds.versions)])
    values: list[Any] = [None, True, False, "", filler]
    values += kinds.constants
    values += _numbers([*kinds.constants, *kinds.limits])
    values += [f" {one}" for one in texts]
    values += [text + "\x01" for text in texts]
    values += _patterned(kinds, filler)
    values += _versions(kinds.versions)
    if attribute == ATTRIBUTE:
        values += _languages(texts, kinds.beginnings)
    is_complete = not kinds.is_opaque and _is_decided(attribute, kinds)
    return Witnesses(values=tuple(_distinct(values)), is_complete=is_complete)


def comparisons_in(expected: Any) -> Iterator[Comparison]:
    """Yield the comparisons of an attribute's part of a condition, negated or not.

    >>> list(comparisons_in({"$not": {"$gt": 3, "$in": [1]}}))
    [('$gt', 3), ('$in', [1])]
    """
    if not isinstance(expected, dict):
        yield "is", expected
        return
    for name, operand in expected.items():
        if name == "$not":
            yield from comparisons_in(operand)
        else:
            yield name, operand


def _kinds(comparisons: Iterable[Comparison]) -> _Kinds:
    kinds = _Kinds(
        constants=[], limits=[], versions=[], beginnings=[], contained=[],
        is_typed=any(name == "$type" for name, _ in comparisons),
        is_opaque=any(_is_opaque(name, operand) for name, operand in comparisons),
    )  # fmt: skip
    for name, operand in comparisons:
        if name in EQUALITIES:
            kinds.constants.append(operand)
        elif name in LISTS:
            kinds.constants.extend(operand)
            kinds.constants.extend(_other_cases(operand) if name in IGNORING_CASE else ())
        elif name in ORDERS:
            kinds.limits.append(operand)
        elif name in VERSIONS:
            kinds.versions.append(operand)
        elif name in {"$regex", "$regexi"}:
            _add_pattern(kinds, operand)
        elif name == "$all":
            kinds.constants.append(operand)
        elif name == "$size" and isinstance(operand, int):
            kinds.constants.append([0] * min(operand, 100))
    return kinds


def _is_opaque(name: str, operand: Any) -> bool:
    """Return whether the values of a comparison cannot be distinguished here."""
    if name == "$type":
        return operand not in SCALAR_TYPES
    if name == "$regex":
        return _literal(operand) is None
    known = name in EQUALITIES | LISTS | ORDERS | VERSIONS or name == "$exists"
    return not known


def _literal(pattern: str) -> tuple[bool, str] | None:
    """Return whether a pattern is a beginning, and its text; None if it is not plain text."""
    begins = pattern.startswith("^")
    text = pattern[begins:]
    return (begins, _ESCAPED.sub(r"\1", text)) if _LITERAL.fullmatch(text) else None


def _add_pattern(kinds: _Kinds, pattern: str) -> None:
    literal = _literal(pattern)
    if literal is not None:
        begins, text = literal
        (kinds.beginnings if begins else kinds.contained).append(text)


def _is_decided(attribute: str, kinds: _Kinds) -> bool:
    """Return whether the values below are all that these comparisons distinguish together."""
    has_patterns = bool(kinds.beginnings or kinds.contained)
    are_texts = all(isinstance(one, str | None) for one in kinds.constants)
    if kinds.versions:
        others = kinds.constants or kinds.limits or has_patterns or kinds.is_typed
        return not others and _versions_are_covered(kinds.versions)
    if has_patterns:
        is_language = attribute == ATTRIBUTE and bool(kinds.contained and kinds.constants)
        few = len(set(kinds.contained)) <= MOST_CONTAINED
        return are_texts and few and not (kinds.limits or kinds.is_typed or is_language)
    # Texts are ordered as texts by one of the two, and as numbers by the other.
    return len({isinstance(one, str) for one in kinds.limits}) < 2


def _filler(texts: Sequence[str]) -> str:
    return next((one for one in _FILLERS if not any(one in text for text in texts)), "\u2042\u2058")


def _other_cases(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield from (value.lower(), value.upper(), value.swapcase())


def _numbers(operands: Iterable[Any]) -> Iterator[Any]:
    """Yield each number that is named, and one of each range between; and both as texts."""
    named = {to_number(one) for one in operands if not isinstance(one, list | dict)}
    points = sorted({0.0, 1.0, *(one for one in named if abs(one) < float("inf"))})
    between = [(low + high) / 2 for low, high in pairwise(points)]
    for number in (*points, *between, points[0] - 1.5, points[-1] + 1.5):
        text = to_text(number)
        yield from (int(number) if number == int(number) else number, text, f" {text}")


def _patterned(kinds: _Kinds, filler: str) -> Iterator[str]:
    """Yield each beginning with each set of contained texts, kept apart by a filler."""
    contained = sorted(set(kinds.contained))[:MOST_CONTAINED]
    sets = [part for size in range(len(contained) + 1) for part in combinations(contained, size)]
    for beginning in dict.fromkeys(("", *kinds.beginnings)):
        yield from (filler.join((beginning, *part, "")) for part in sets)
        yield beginning


def _languages(tags: Iterable[str], beginnings: Sequence[str]) -> Iterator[str]:
    """Yield each language, one of its regions, other spellings, and what begins like it."""
    tags = [*tags]
    for tag in tags:
        yield from (spelled(tag), tag.upper(), tag.lower(), f"{spelled(tag)}-zzz")
    for beginning in beginnings:
        yield from (beginning + "q9", beginning + "-zzz")
        for tag in tags:
            if tag.lower().startswith(beginning.lower()):
                whole = beginning + tag[len(beginning) :]
                yield from (whole, f"{whole}-zzz")


def _versions(versions: Iterable[Any]) -> Iterator[str]:
    """Yield each version, and what comes right before and after it."""
    named = [to_text(one) for one in versions]
    if named:
        yield from ("\x01", ABOVE_ALL)
    for text in named:
        yield from (text, f"{text}-\x01", f"{text}-~a")


def _versions_are_covered(versions: Sequence[Any]) -> bool:
    """Return whether there is a value before, between and after all versions."""
    named = sorted({version_key(to_text(one)) for one in versions})
    keys = {version_key(one) for one in _versions(versions)}
    bounds = [(b"", named[0]), *pairwise(named), (named[-1], version_key(ABOVE_ALL * 200))]
    return all(any(low < key < high for key in keys) for low, high in bounds)


def _distinct(values: Iterable[Any]) -> Iterator[Any]:
    seen: set[tuple[str, str]] = set()
    for value in values:
        mark = type(value).__name__, repr(value)
        if mark not in seen:
            seen.add(mark)
            yield value
