"""Exact decision on the visitors that conditions share, or that one of them leaves over.

A visitor is looked for, not a proof: one that is found meets the conditions by the evaluation that
serves them. Where none is found, there is none if the values that were tried stand for all others
(`witnesses`), and nothing is claimed otherwise.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.languages import with_language_ranges
from experiments.targeting.witnesses import Comparison, comparisons_in, witnesses

# Partial visitors that are tried; conditions that people write need some dozens.
MOST_TRIALS: Final = 20_000

Condition = Mapping[str, Any]
# Values of the attributes so far, by their names -> met, not met, or still open.
Test = Callable[[Mapping[str, int]], bool | None]


class Relation(StrEnum):
    """Relation of the visitors of a condition to those of another."""

    SAME = "same"
    INSIDE = "inside"
    AROUND = "around"
    APART = "apart"
    CROSSING = "crossing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A visitor's attributes, or None; if `is_certain`, None means that no such visitor exists.

    Attributes are lists only where a condition compares lists.
    """

    visitor: dict[str, Any] | None
    is_certain: bool

    @property
    def is_nobody(self) -> bool:
        return self.visitor is None and self.is_certain


def find_visitor(*, inside: Sequence[Condition], outside: Sequence[Condition] = ()) -> Search:
    """Look for a visitor who meets all of some conditions and none of others.

    Args:
        inside: Validated conditions, all of which are met.
        outside: Validated conditions, none of which is met.

    Returns:
        The visitor that was found; or none, certain if every kind of visitor was tried.

    >>> mobile, french = {"device": "mobile"}, {"device": "mobile", "locale": "fr"}
    >>> find_visitor(inside=[french], outside=[mobile]).is_nobody
    True
    >>> find_visitor(inside=[mobile], outside=[french]).visitor
    {'device': 'mobile'}
    """
    texts = json.dumps([list(map(dict, inside)), list(map(dict, outside))])
    return _find_visitor(texts)


def relation(one: Condition, other: Condition) -> Relation:
    """Return how the visitors of one condition lie to those of another.

    Returns:
        INSIDE if every visitor of `one` is one of `other` but not the reverse, AROUND for the
        reverse, APART if they share nobody, UNKNOWN if it cannot be decided.

    >>> relation({"country": {"$in": ["FR", "BE"]}}, {"country": "FR"}).value
    'around'
    >>> relation({"device": "mobile"}, {"locale": "fr"}).value
    'crossing'
    """
    both = find_visitor(inside=[one, other])
    if both.is_nobody:
        return Relation.APART
    only_one = find_visitor(inside=[one], outside=[other])
    only_other = find_visitor(inside=[other], outside=[one])
    if only_one.is_nobody and only_other.is_nobody:
        return Relation.SAME
    if only_one.is_nobody and only_other.visitor is not None:
        return Relation.INSIDE
    if only_other.is_nobody and only_one.visitor is not None:
        return Relation.AROUND
    if None not in (both.visitor, only_one.visitor, only_other.visitor):
        return Relation.CROSSING
    return Relation.UNKNOWN


def specific_first(conditions: Sequence[Condition]) -> list[int]:
    """Return the order in which conditions are tried: those inside of others before these.

    Otherwise the order stays; what cannot be decided counts as neither.

    >>> specific_first([{}, {"device": "mobile"}, {"locale": "fr", "device": "mobile"}])
    [2, 1, 0]
    """
    waiting, order = list(range(len(conditions))), list[int]()
    while waiting:
        following = next(
            (one for one in waiting if not _has_inner(one, waiting, conditions)), waiting[0]
        )
        order.append(following)
        waiting.remove(following)
    return order


def _has_inner(outer: int, others: Sequence[int], conditions: Sequence[Condition]) -> bool:
    return any(
        relation(conditions[one], conditions[outer]) is Relation.INSIDE
        for one in others
        if one != outer
    )


@lru_cache(maxsize=4_096)
def _find_visitor(texts: str) -> Search:
    inside, outside = json.loads(texts)
    conditions = [*inside, *outside]
    comparisons = comparisons_by_attribute(conditions)
    known = {name: witnesses(name, found) for name, found in comparisons.items()}
    is_certain = all(one.is_complete for one in known.values()) and not _are_nested(comparisons)
    values = {name: one.values for name, one in known.items()}
    met = [_test_of(with_language_ranges(one), values) for one in inside]
    unmet = [_negated(_test_of(with_language_ranges(one), values)) for one in outside]
    chooser = _Chooser(all_of([*met, *unmet]), {name: len(found) for name, found in values.items()})
    chosen = chooser.choose()
    if chosen is None:
        return Search(visitor=None, is_certain=is_certain and chooser.has_tried_all)
    return Search(visitor=_visitor(values, chosen), is_certain=True)


def comparisons_by_attribute(conditions: Sequence[Condition]) -> dict[str, list[Comparison]]:
    """Return the comparisons of each attribute in the conditions, negated or not.

    >>> comparisons_by_attribute([{"$not": {"device": "mobile"}}, {"device": {"$ne": "tablet"}}])
    {'device': [('is', 'mobile'), ('$ne', 'tablet')]}
    """
    found: dict[str, list[Comparison]] = {}
    for condition in conditions:
        for key, operand in condition.items():
            if key in _CONNECTIVES:
                inner = comparisons_by_attribute(
                    operand if isinstance(operand, list) else [operand]
                )
                for name, comparisons in inner.items():
                    found.setdefault(name, []).extend(comparisons)
            else:
                found.setdefault(key, []).extend(comparisons_in(operand))
    return found


def _are_nested(names: Mapping[str, Any]) -> bool:
    """Return whether an attribute lies within another: the two are not free of each other."""
    return any(one != other and other.startswith(f"{one}.") for one in names for other in names)


class _Chooser:
    """Looks for values that meet a test, one attribute after the other."""

    def __init__(self, test: Test, sizes: Mapping[str, int]) -> None:
        self._test = test
        self._sizes = list(sizes.items())
        self._trials = 0

    @property
    def has_tried_all(self) -> bool:
        return self._trials < MOST_TRIALS

    def choose(self, chosen: Mapping[str, int] | None = None) -> Mapping[str, int] | None:
        chosen = chosen or {}
        self._trials += 1
        state = self._test(chosen)
        if state is not None or not self.has_tried_all:
            return chosen if state else None
        name, size = self._sizes[len(chosen)]
        for value in range(size):
            found = self.choose({**chosen, name: value})
            if found is not None:
                return found
        return None


def _test_of(condition: Condition, values: Mapping[str, Sequence[Any]]) -> Test:
    tests = []
    for key, operand in condition.items():
        connective = _CONNECTIVES.get(key)
        tests.append(
            _compared(key, operand, values[key])
            if connective is None
            else connective([_test_of(one, values) for one in _listed(operand)])
        )
    return all_of(tests)


def _compared(name: str, expected: Any, values: Sequence[Any]) -> Test:
    met = [evaluate_condition({name: expected}, _placed({name: one})) for one in values]
    return lambda chosen: met[chosen[name]] if name in chosen else None


def all_of(tests: Sequence[Test]) -> Test:
    def test(chosen: Mapping[str, int]) -> bool | None:
        is_open = False
        for one in tests:
            state = one(chosen)
            if state is False:
                return False
            is_open = is_open or state is None
        return None if is_open else True

    return test


def _negated(inner: Test) -> Test:
    def test(chosen: Mapping[str, int]) -> bool | None:
        state = inner(chosen)
        return None if state is None else not state

    return test


def _none_of(tests: Sequence[Test]) -> Test:
    # As in serving, "one of none" is met by everybody.
    return all_of([_negated(one) for one in tests]) if tests else lambda _: False


def _any_of(tests: Sequence[Test]) -> Test:
    return _negated(_none_of(tests))


_CONNECTIVES: Final[Mapping[str, Callable[[Sequence[Test]], Test]]] = {
    "$and": all_of,
    "$or": _any_of,
    "$nor": _none_of,
    "$not": lambda tests: _negated(all_of(tests)),
}


def _listed(operand: Any) -> Sequence[Condition]:
    return operand if isinstance(operand, list) else [operand]


def _visitor(values: Mapping[str, Sequence[Any]], chosen: Mapping[str, int]) -> dict[str, Any]:
    return _placed({name: values[name][index] for name, index in chosen.items()})


def _placed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a visitor: a dot in a name leads into an object; what is None is left out."""
    visitor: dict[str, Any] = {}
    for path, value in attributes.items():
        *outer, last = path.split(".")
        place = visitor
        for part in outer:
            inner = place.setdefault(part, {})
            place = inner if isinstance(inner, dict) else {}
        if value is not None:
            place[last] = value
    return visitor
