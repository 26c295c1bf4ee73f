"""Can everybody read it? Contrast of colours, direction of writing."""

from typing import Final

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
