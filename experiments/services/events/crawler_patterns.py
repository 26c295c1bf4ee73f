"""Search in crawlerdetect's list of crawlers, by words that a pattern needs.

The list is one expression of some 1,500 alternatives, tried at every character: an unknown user
agent of 300 characters costs 6 ms. Nearly every pattern contains a word without which it cannot
match. A look for those words takes 0.05 ms, and only patterns whose word is there are tried: the
outcome is the list's own.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from crawlerdetect.crawlerdetect import crawlers_data, get_compiled_exclusions_regex

# Shorter words are everywhere.
SHORTEST_WORD = 3
# Parts of a pattern that need no particular text, in the order in which they are taken away.
CLASS = re.compile(r"\[(?:\\.|[^\]\\])*\]")
ANY_ESCAPE = re.compile(r"\\[wWdDsSbBAZ]")
ESCAPED = re.compile(r"\\(.)")
GROUP = re.compile(r"\([^()]*\)")
WORDS_GROUP = re.compile(r"\((\w+(?:\|\w+)+)\)$")
OPTIONAL = re.compile(r".(?:[?*]|\{[^}]*\})")
GAP = "\0"
# Escaped characters are moved out of the way of those with a meaning.
MOVED = 0xE000


class Needed(NamedTuple):
    """A pattern of the list, and words of which a match contains at least one."""

    pattern: str
    words: tuple[str, ...]


def is_crawler(user_agent: str) -> bool:
    """Tell if crawlerdetect's list matches.

    >>> is_crawler("Googlebot/2.1"), is_crawler("Firefox/140.0")
    (True, False)
    """
    agent = get_compiled_exclusions_regex().sub("", user_agent.strip())
    folded = agent.casefold()
    beginnings = _patterns_by_beginning()
    starts = {folded[i : i + SHORTEST_WORD] for i in range(len(folded) - SHORTEST_WORD + 1)}
    return any(
        word in folded and _compiled(pattern).search(agent)
        for start in starts & beginnings.keys()
        for word, pattern in beginnings[start]
    ) or any(_compiled(pattern).search(agent) for pattern in _patterns_without_words())


def needed(pattern: str) -> Needed:
    """Return the words of which each match of a pattern contains one; none if that is unclear.

    >>> needed("Feed(ly)?Fetcher[0-9]").words
    ('fetcher',)
    """
    words = [word for branch in _branches(pattern) for word in _words(branch)]
    is_clear = words and all(len(word) >= SHORTEST_WORD for word in words)
    return Needed(pattern, tuple(words) if is_clear else ())


def _branches(pattern: str) -> list[str]:
    """Return the alternatives of a pattern without groups and classes, otherwise the whole."""
    is_flat = not re.search(r"[(\[]", CLASS.sub("", pattern))
    return CLASS.sub(GAP, pattern).split("|") if is_flat else [pattern]


def _words(branch: str) -> Iterable[str]:
    alternatives = WORDS_GROUP.search(branch)
    if alternatives:
        return alternatives[1].casefold().split("|")
    text = ANY_ESCAPE.sub(GAP, CLASS.sub(GAP, branch))
    text = ESCAPED.sub(lambda match: chr(MOVED + ord(match[1])), text)
    while GROUP.search(text):
        text = GROUP.sub(GAP, text)
    if "|" in text:
        return ("",)
    runs = re.split(r"[\0.^$+()]", OPTIONAL.sub(GAP, text))
    return (_moved_back(max(runs, key=len)).casefold(),)


def _moved_back(text: str) -> str:
    return "".join(chr(ord(one) - MOVED) if ord(one) >= MOVED else one for one in text)


@cache
def _all_needed() -> tuple[Needed, ...]:
    return tuple(needed(pattern) for pattern in crawlers_data)


@cache
def _patterns_by_beginning() -> Mapping[str, list[tuple[str, str]]]:
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for pattern, words in _all_needed():
        for word in words:
            found[word[:SHORTEST_WORD]].append((word, pattern))
    return found


@cache
def _patterns_without_words() -> tuple[str, ...]:
    return tuple(pattern for pattern, words in _all_needed() if not words)


@cache
def _compiled(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern, re.IGNORECASE)
