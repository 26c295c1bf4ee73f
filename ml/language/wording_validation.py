"""Validation of wordings before scoring."""

import re
import unicodedata
from typing import Literal

# Far more than any button or spoken instruction needs.
MAX_CHARACTERS = 300

Fault = Literal["empty", "too_long", "html", "control_characters", "no_words", "mixed_scripts"]

_TAG = re.compile(r"<\s*[/!]?\s*[a-zA-Z][^<>]*>|<!--|&(?:#\w+|[a-zA-Z]\w*);")
# Control and bidirectional-override characters, which can hide text.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
# Scripts with similar letters: a word must use only one of them.
_LOOKALIKES = ("LATIN", "CYRILLIC", "GREEK")


def wording_fault(text: str) -> Fault | None:
    """Return the reason why a text cannot be a wording, or None.

    Args:
        text: Text as typed.

    >>> [wording_fault(text) for text in ("Save > 20 % & more", " ", "<b>Buy</b>", "→")]
    [None, 'empty', 'html', 'no_words']
    """
    if not text.strip():
        return "empty"
    if len(text) > MAX_CHARACTERS:
        return "too_long"
    if _CONTROL.search(text):
        return "control_characters"
    if _TAG.search(text):
        return "html"
    if mixed_script_word(text):
        return "mixed_scripts"
    return None if re.search(r"\w", text) else "no_words"


def mixed_script_word(text: str) -> str | None:
    """Return the first word that mixes similar-looking scripts, or None.

    Args:
        text: A wording.

    >>> [mixed_script_word(f"Go {first}lick") for first in (chr(0x441), "c")] == [
    ...     f"{chr(0x441)}lick", None
    ... ]
    True
    """
    words: list[str] = re.findall(r"[^\W\d_]+", text)
    for word in words:
        if word.isascii():
            continue
        names = {unicodedata.name(letter, "").split(" ")[0] for letter in word}
        if len(names.intersection(_LOOKALIKES)) > 1:
            return word
    return None
