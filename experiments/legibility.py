"""Can everybody read it? Contrast of colours, direction of writing, signs."""

import re
from typing import Final
from unicodedata import category

# WCAG 2.2, success criterion 1.4.3 (level AA), for text of usual size.
LEAST_CONTRAST: Final = 4.5
# Languages written from right to left, and scripts that make any language so.
RIGHT_TO_LEFT: Final = frozenset(
    ("ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "syr", "ug", "ur", "yi")
)
RIGHT_TO_LEFT_SCRIPTS: Final = frozenset(("adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"))
SCRIPT_LETTERS: Final = 4


def contrast_ratio(one: str, other: str) -> float:
    """Return the contrast of two colours.

    Args:
        one: A colour, `#rrggbb`.
        other: Another, `#rrggbb`.

    Returns:
        Between 1 (the same) and 21 (black on white); the order does not matter.

    Raises:
        ValueError: If a colour is not six hexadecimal digits after a `#`.

    Source: WCAG 2.2, definitions of "contrast ratio" and "relative luminance".

    >>> contrast_ratio("#000000", "#ffffff")
    21.0
    >>> round(contrast_ratio("#777777", "#ffffff"), 2)
    4.48
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    if not colour.startswith("#") or len(digits) != 6:
        raise ValueError(f"colour must be #rrggbb, got {colour!r}")
    red, green, blue = (_linear(int(digits[at : at + 2], 16) / 255) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def text_direction(locale: str) -> str:
    """Return the direction in which a language is written, as HTML's `dir` has it.

    Args:
        locale: A language tag (BCP 47), such as `fr-CA`, `ar` or `az-Arab`.

    Returns:
        `rtl` or `ltr`; a script in the tag decides before the language does.

    Source: Unicode CLDR, `characterOrder` of the languages named here.

    >>> text_direction("he-IL"), text_direction("fr"), text_direction("az-Arab-IR")
    ('rtl', 'ltr', 'rtl')
    """
    language, *subtags = locale.lower().split("-")
    scripts = [tag for tag in subtags if len(tag) == SCRIPT_LETTERS and tag.isalpha()]
    is_rtl = scripts[0] in RIGHT_TO_LEFT_SCRIPTS if scripts else language in RIGHT_TO_LEFT
    return "rtl" if is_rtl else "ltr"


# Modifiers of a sign: skin tones, and the tags of the flags of regions.
SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
TAGS: Final = range(0xE0020, 0xE0080)
# Flags are two letters of their own, keycaps a digit under a frame.
FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
KEYCAP: Final = re.compile("[0-9#*]\ufe0f?\u20e3")
# Emoji of a later Unicode than that of Python have no category yet.
EMOJI: Final = range(0x1F000, 0x1FB00)
JOINER: Final = "\u200d"


def is_one_sign(text: str) -> bool:
    """Return whether people see one sign or emoji in a text of any number of characters.

    >>> [is_one_sign(text) for text in ("→", "👩🏽‍💻", "🇫🇷", "Go", "→→", "")]
    [True, True, True, False, False, False]
    """
    if FLAG.fullmatch(text) or KEYCAP.fullmatch(text):
        return True
    return bool(text) and all(_is_sign(part) for part in text.split(JOINER))


def _is_sign(part: str) -> bool:
    """Return whether a text is a sign with its modifiers, without what joins it to others."""
    return bool(part) and _is_base(part[0]) and all(_modifies(one) for one in part[1:])


def _is_base(one: str) -> bool:
    kind = category(one)
    return kind[0] in "SP" or (kind == "Cn" and ord(one) in EMOJI)


def _modifies(one: str) -> bool:
    return category(one) in ("Mn", "Me") or ord(one) in SKIN_TONES or ord(one) in TAGS
