"""What a wording must be before anyone asks how good it is."""

import re
from typing import Literal

# Far beyond any button, and a spoken instruction longer than this is a text.
MAX_CHARACTERS = 300

Fault = Literal["empty", "too_long", "html", "control_characters", "no_words"]

_TAG = re.compile(r"<\s*[/!]?\s*[a-zA-Z][^<>]*>|<!--|&(?:#\w+|[a-zA-Z]\w*);")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def wording_fault(text: str) -> Fault | None:
    """Return why a text cannot be a wording, or None.

    Args:
        text: As it was typed.

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
    return None if re.search(r"\w", text) else "no_words"
