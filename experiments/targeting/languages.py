"""Language tags: their spelling (RFC 5646, 2.1.1), ranges (RFC 4647, 3.3.1) and look-up (3.4).

Pages write `fr-FR`, `fr_FR` or `FR`; Django writes `pt-br`. Case and underscores have no meaning,
and a language takes in its regions.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

# The attribute whose texts are language tags.
ATTRIBUTE: Final = "locale"
MAX_CHARACTERS: Final = 100

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*", re.ASCII)
# Pages are written by others: `fr;q=0.9` is French.
_END = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_CONNECTIVES: Final = frozenset({"$and", "$or", "$nor"})


def spelled(tag: str) -> str:
    """Return a language tag in the recommended spelling; another text unchanged.

    Args:
        tag: A tag in any case, with hyphens or underscores.

    >>> spelled("PT_br"), spelled("zh-HANT-tw"), spelled("de-1996"), spelled("klingon!")
    ('pt-BR', 'zh-Hant-TW', 'de-1996', 'klingon!')
    """
    if not _TAG.fullmatch(tag):
        return tag
    language, *subtags = key(tag).split("-")
    return "-".join([language, *map(_subtag, subtags)])


@lru_cache(maxsize=4096)
def key(tag: str) -> str:
    """Return a tag without what has no meaning: in lower case, with hyphens.

    >>> key("pt_BR") == key("PT-br")
    True
    """
    return _END.split(tag[:MAX_CHARACTERS], maxsplit=1)[0].replace("_", "-").lower()


def looked_up(tags: Iterable[str], wanted: str) -> str | None:
    """Return the tag that serves a wanted one best; None if no tag has its language.

    That is the tag itself, the longest one that it begins with, or else the first of the same
    language: a visitor from Portugal reads what is written for Brazil rather than English.

    Args:
        tags: Tags, in order of preference.
        wanted: A tag as a visitor's page gives it.

    >>> looked_up(["en", "pt-BR"], "pt_br"), looked_up(["en", "zh-Hant"], "zh-Hant-TW")
    ('pt-BR', 'zh-Hant')
    >>> looked_up(["en", "pt-BR"], "pt-PT"), looked_up(["en"], "fr")
    ('pt-BR', None)
    """
    keys: dict[str, str] = {}
    for tag in tags:
        keys.setdefault(key(tag), tag)
    rest = key(wanted)
    language = rest.partition("-")[0]
    while rest:
        if rest in keys:
            return keys[rest]
        rest = rest.rpartition("-")[0]
    return next((tag for one, tag in keys.items() if one.partition("-")[0] == language), None)


def range_pattern(tags: Iterable[str]) -> str:
    """Return the regular expression of the tags that lie in one of some language ranges.

    It has no flags: all SDKs of GrowthBook read it alike.

    Args:
        tags: Language ranges, such as `fr` or `pt-BR`.

    >>> range_pattern(["fr"])
    '^([fF][rR])(?![A-Za-z0-9])'
    """
    ranges = "|".join("".join(map(_any_spelling, key(tag))) for tag in tags)
    return f"^({ranges})(?![A-Za-z0-9])"


def with_language_ranges(condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a condition whose comparisons of languages are those of language ranges.

    "Is `fr`" then takes in `fr-FR` and `FR_ca`, and "is not `fr`" leaves them out. Comparisons
    with anything but language tags stay as they are.

    Args:
        condition: A condition as it was saved.

    >>> with_language_ranges({"locale": "fr", "device": "mobile"})
    {'locale': {'$regex': '^([fF][rR])(?![A-Za-z0-9])'}, 'device': 'mobile'}
    >>> with_language_ranges({"locale": {"$ne": "fr"}})
    {'locale': {'$not': {'$regex': '^([fF][rR])(?![A-Za-z0-9])'}}}
    """
    served: dict[str, Any] = {}
    further: list[dict[str, Any]] = []
    for name, expected in condition.items():
        if name == ATTRIBUTE:
            served[name], *others = _expected(expected)
            further += [{name: other} for other in others]
        else:
            served[name] = _connected(name, expected)
    return {"$and": [served, *further]} if further else served


def _connected(name: str, expected: Any) -> Any:
    if name in _CONNECTIVES and isinstance(expected, list):
        return [with_language_ranges(one) if isinstance(one, dict) else one for one in expected]
    return with_language_ranges(expected) if name == "$not" else expected


def _expected(expected: Any) -> list[Any]:
    """Return what the languages must meet, all of it: one part for each operator."""
    if isinstance(expected, str):
        return [{"$regex": range_pattern([expected])} if _TAG.fullmatch(expected) else expected]
    if not isinstance(expected, dict) or not all(name.startswith("$") for name in expected):
        return [expected]
    parts = [_operation(name, operand) for name, operand in expected.items()]
    return parts or [expected]


def _operation(name: str, operand: Any) -> dict[str, Any]:
    """Return an operation on a tag as one on its range."""
    if name == "$not" and isinstance(operand, dict):
        first, *others = _expected(operand)
        # "Not all of several" has no shorter form, and no page writes it.
        return {"$not": operand if others else first}
    tags = operand if isinstance(operand, list) else [operand]
    if not tags or not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in tags):
        return {name: operand}
    pattern = {"$regex": range_pattern(tags)}
    if name in {"$eq", "$in", "$ini"}:
        return pattern
    return {"$not": pattern} if name in {"$ne", "$nin", "$nini"} else {name: operand}


def _any_spelling(mark: str) -> str:
    if mark == "-":
        return "[-_]"
    return f"[{mark}{mark.upper()}]" if mark.isalpha() else mark


def _subtag(subtag: str) -> str:
    if len(subtag) == 4 and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == 2 else subtag
