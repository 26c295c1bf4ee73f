"""Regular expressions that mean the same in Python and JavaScript, and stay cheap.

The pattern is a marketer's, the text a visitor's: what cannot be the same in both
languages, or could keep a process busy, is refused.
"""

import re
from functools import lru_cache
from typing import Final

from experiments.targeting.values import to_text

MAX_MATCHED_CHARACTERS: Final = 1_000
MAX_REPEATS: Final = 2

_TOKEN: Final = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
_ASCII_CLASSES: Final = {r"\d": "0-9", r"\w": "A-Za-z0-9_"}
_PYTHON_ONLY: Final = frozenset({r"\A", r"\Z", r"\a", r"\N", r"\U"})


def matches(value: object, pattern: str, *, ignore_case: bool = False) -> bool:
    """Return whether a pattern is found in the text of a value.

    False too for a pattern that `compile_pattern` refuses, and for a text of more
    than MAX_MATCHED_CHARACTERS, so that no visitor can make a search expensive.

    >>> matches("Android Mobile", "(Mobile|Tablet)"), matches("mobile", "Mobile")
    (True, False)
    """
    compiled = _compiled(pattern, ignore_case)
    text = to_text(value)
    if compiled is None or len(text) > MAX_MATCHED_CHARACTERS:
        return False
    return compiled.search(text) is not None


def compile_pattern(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Compile a regular expression that means the same in Python and JavaScript.

    Args:
        pattern: In JavaScript's notation.
        ignore_case: As the flag `i`.

    Returns:
        A compiled pattern for `search`.

    Raises:
        ValueError: If Python cannot compile it, if it uses what only Python
            understands, or if it could take long: a repeated group, or more
            than MAX_REPEATS open-ended repeats.

    >>> compile_pattern("(a+)+")
    Traceback (most recent call last):
    ...
    ValueError: repeats a group, which can take for ever: '(a+)+'
    """
    _refuse_unportable(pattern)
    # No flag ASCII if case is ignored: accented letters would no longer match.
    flags = re.IGNORECASE if ignore_case else re.ASCII
    try:
        return re.compile(_TOKEN.sub(_to_python, pattern), flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression ({error}): {pattern!r}") from None


@lru_cache(maxsize=1_024)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str] | None:  # noqa: FBT001
    try:
        return compile_pattern(pattern, ignore_case=ignore_case)
    except ValueError:
        return None


def _refuse_unportable(pattern: str) -> None:
    skeleton = _TOKEN.sub(lambda token: "x" if len(token[0]) > 1 else token[0], pattern)
    if re.search(r"\(\?(?![:=!]|<[=!])", skeleton):
        raise ValueError(f"uses a kind of group that is not portable: {pattern!r}")
    if re.search(r"[*+?}]\+", skeleton):
        raise ValueError(f"uses a possessive repeat, which is not portable: {pattern!r}")
    if _PYTHON_ONLY.intersection(_TOKEN.findall(pattern)) or "{," in skeleton:
        raise ValueError(f"uses what only Python understands: {pattern!r}")
    if re.search(r"\)[*+{]", skeleton):
        raise ValueError(f"repeats a group, which can take for ever: {pattern!r}")
    if len(re.findall(r"[*+]|\{\d*,\d*\}", skeleton)) > MAX_REPEATS:
        raise ValueError(f"has more than {MAX_REPEATS} open-ended repeats: {pattern!r}")


def _to_python(token: re.Match[str]) -> str:
    text = token[0]
    if text == "$":
        return r"\Z"  # Python's $ also matches before a last line feed
    if text in _ASCII_CLASSES:
        return f"[{_ASCII_CLASSES[text]}]"
    if text.startswith("["):
        return "[" + re.sub(r"\\.|[\[&~|]", _inside_class, text[1:-1], flags=re.DOTALL) + "]"
    return text


def _inside_class(token: re.Match[str]) -> str:
    text = token[0]
    if len(text) == 1:
        return "\\" + text  # Python warns of characters that may one day mean sets of sets
    return _ASCII_CLASSES.get(text, text)
