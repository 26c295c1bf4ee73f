"""Data-free checks of a call to action: words, contrast, size, position.

The checks are rules of thumb, except contrast and target size, which are success criteria of the
Web Content Accessibility Guidelines 2.2.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pyphen import Pyphen

from ml.language.lexicon import Lexicon, fold, lexicon_for
from ml.language.verbs import opening_of
from ml.language.wording_validation import mixed_script_word

Form = Literal["button", "link", "spoken"]
Check = Literal["length", "verb", "meaning", "reading", "letters", "contrast", "target", "fold"]
# `fault` breaks a criterion or will confuse; `advice` is worth a try; `unknown`: not decidable.
Level = Literal["good", "advice", "fault", "unknown"]

# Maximum words and characters of each form for easy reading.
LENGTHS: Mapping[str, tuple[int, int]] = {"button": (5, 32), "link": (9, 60), "spoken": (20, 140)}
# With fewer words a single long word dominates Flesch's formula.
MIN_WORDS_FOR_EASE = 6
EASY, HARD = 60.0, 30.0
LONG_WORD_SYLLABLES = 5
# WCAG 2.2, 1.4.3: normal text; large text is 24 px, or 18.66 px (14 pt) and bold.
CONTRAST, LARGE_CONTRAST = 4.5, 3.0
LARGE_PX, LARGE_BOLD_PX = 24.0, 18.66
# WCAG 2.2: 2.5.8 (AA) and 2.5.5 (AAA), CSS pixels.
TARGET_AA, TARGET_AAA = 24.0, 44.0
HYPHENATION = {"en": "en_US", "fr": "fr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Result of one check.

    Args:
        check: Key of the check.
        level: Severity of the result.
        code: Code of the message; pages translate it.
        params: Figures and words for the message.
    """

    check: Check
    level: Level
    code: str
    params: Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """Appearance of a button or link.

    Args:
        contrast: Contrast of the text and its background, from 1 to 21.
        font_px: Size of the letters in CSS pixels.
        is_bold: True for a font weight of 700 or more.
        width_px: Width of the clickable area; None if the page decides.
        height_px: Height of the clickable area; None if the page decides.
        is_inline: True for a link inside a sentence, which does not have a minimum size.
    """

    contrast: float
    font_px: float
    is_bold: bool
    width_px: float | None
    height_px: float | None
    is_inline: bool


def inspect_wording(text: str, *, locale: str, form: str = "button") -> tuple[Finding, ...]:
    """Check the words of a call to action.

    Args:
        text: The wording; not blank.
        locale: Language tag; if empty, detected from the text's common words.
        form: CTA form, `button`, `link` or `spoken`; others are treated as a button.

    >>> [finding.code for finding in inspect_wording("Get my guide", locale="en")]
    ['length_good', 'verb_imperative', 'reading_short']
    """
    lexicon = lexicon_for(text, locale)
    return (
        _length(text, form),
        *_language_findings(text, lexicon, locale),
        *_letters(text),
    )


def inspect_look(look: Appearance) -> tuple[Finding, ...]:
    """Check the appearance of a call to action.

    Args:
        look: Colours and sizes.

    >>> white_on_blue = Appearance(
    ...     contrast=6.7,
    ...     font_px=16,
    ...     is_bold=False,
    ...     width_px=120,
    ...     height_px=35,
    ...     is_inline=False,
    ... )
    >>> [finding.code for finding in inspect_look(white_on_blue)]
    ['contrast_good', 'target_aa']
    """
    return _contrast(look), _target(look)


def inspect_position(position: str) -> Finding:
    """Check the position of a call to action.

    Args:
        position: Position of the slot; unrecognised ones give "unknown".

    >>> inspect_position("footer").code
    'fold_below'
    """
    codes: Mapping[str, tuple[Level, str]] = {
        "above_fold": ("good", "fold_above"),
        "popup": ("good", "fold_popup"),
        "in_text": ("advice", "fold_text"),
        "footer": ("advice", "fold_below"),
        "email": ("unknown", "fold_email"),
        "spoken": ("good", "fold_spoken"),
    }
    level, code = codes.get(position, ("unknown", "fold_unknown"))
    return Finding(check="fold", level=level, code=code, params={})


def reading_ease(text: str, language: str) -> float:
    """Return the Flesch reading ease of a text: above 60 easy, below 30 hard.

    Args:
        text: A text with at least one word.
        language: `en` or `fr`.

    Raises:
        ValueError: If the text has no words.

    Source: Flesch (1948), Journal of Applied Psychology 32(3), for English; Kandel and Moles
    (1958), Cahiers d'Etudes de Radio-Television 19, for French. Syllables are those of
    hyphenation (pyphen), which misses some.

    >>> round(reading_ease("See what you can save this month.", "en"))
    115
    """
    words = _words(text)
    if not words:
        raise ValueError(f"text: no word in {text!r}")
    sentences = max(1, len(re.findall(r"[.!?…]+(?:\s|$)", text)))
    syllables = sum(count_syllables(word, language) for word in words)
    base, each = (207.0, 73.6) if language == "fr" else (206.835, 84.6)
    return base - 1.015 * len(words) / sentences - each * syllables / len(words)


def count_syllables(word: str, language: str) -> int:
    """Return the number of syllables of a word by hyphenation, at least 1.

    Args:
        word: One word.
        language: `en` or `fr`.

    >>> count_syllables("télécharger", "fr"), count_syllables("go", "en")
    (4, 1)
    """
    return len(_hyphens(language).positions(word.lower())) + 1


@lru_cache
def _hyphens(language: str) -> Pyphen:
    return Pyphen(lang=HYPHENATION[language])


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _length(text: str, form: str) -> Finding:
    most_words, most_characters = LENGTHS.get(form, LENGTHS["button"])
    words, characters = len(text.split()), len(text.strip())
    fits = words <= most_words and characters <= most_characters
    return Finding(
        check="length",
        level="good" if fits else "advice",
        code="length_good" if fits else "length_long",
        params={
            "words": words,
            "characters": characters,
            "most_words": most_words,
            "most_characters": most_characters,
        },
    )


def _language_findings(text: str, lexicon: Lexicon | None, locale: str) -> Iterator[Finding]:
    if lexicon is None:
        yield Finding(
            check="verb", level="unknown", code="language_unknown", params={"locale": locale}
        )
        return
    yield _verb(text, lexicon)
    if fold(text).strip(" .!…→>") in lexicon.vague:
        yield Finding(check="meaning", level="advice", code="vague", params={})
    if hand := lexicon.clicking.search(fold(text)):
        yield Finding(check="meaning", level="advice", code="clicking", params={"words": hand[0]})
    if _words(text):
        yield _reading(text, lexicon.language)


def _verb(text: str, lexicon: Lexicon) -> Finding:
    opening = opening_of(text, lexicon)
    if opening is None:
        return Finding(check="verb", level="advice", code="verb_missing", params={})
    return Finding(
        check="verb", level="good", code=f"verb_{opening.mood}", params={"verb": opening.head}
    )


def _reading(text: str, language: str) -> Finding:
    words = _words(text)
    if len(words) >= MIN_WORDS_FOR_EASE:
        ease = reading_ease(text, language)
        level: Level = "good" if ease >= EASY else "advice"
        code = "reading_easy" if ease >= EASY else "reading_hard"
        code = "reading_medium" if HARD <= ease < EASY else code
        return Finding(check="reading", level=level, code=code, params={"ease": round(ease)})
    longest = max(words, key=lambda word: count_syllables(word, language))
    syllables = count_syllables(longest, language)
    is_long = syllables >= LONG_WORD_SYLLABLES
    return Finding(
        check="reading",
        level="advice" if is_long else "good",
        code="reading_long_word" if is_long else "reading_short",
        params={"word": longest, "syllables": syllables},
    )


def _letters(text: str) -> Iterator[Finding]:
    if word := mixed_script_word(text):
        yield Finding(check="letters", level="fault", code="mixed_scripts", params={"word": word})
    if len(text) > 3 and len(_words(text)) > 1 and text.isupper():
        yield Finding(check="letters", level="advice", code="all_capitals", params={})
    if re.search(r"[!?]{2,}", text):
        yield Finding(check="letters", level="advice", code="many_marks", params={})
    if any(unicodedata.category(sign) == "So" for sign in text):
        yield Finding(check="letters", level="advice", code="emoji", params={})


def _contrast(look: Appearance) -> Finding:
    ratio = look.contrast
    is_large = look.font_px >= (LARGE_BOLD_PX if look.is_bold else LARGE_PX)
    needed = LARGE_CONTRAST if is_large else CONTRAST
    passed = ratio >= needed
    return Finding(
        check="contrast",
        level="good" if passed else "fault",
        code="contrast_good" if passed else "contrast_low",
        # Rounded down, so that 4.49 is not shown as 4.5.
        params={"ratio": int(ratio * 100) / 100, "needed": needed},
    )


def _target(look: Appearance) -> Finding:
    if look.is_inline:
        return Finding(check="target", level="good", code="target_inline", params={})
    sides = [side for side in (look.width_px, look.height_px) if side is not None]
    if not sides:
        return Finding(check="target", level="unknown", code="target_unknown", params={})
    shortest = min(sides)
    level: Level = "good" if shortest >= TARGET_AA else "fault"
    code = "target_aa" if shortest >= TARGET_AA else "target_small"
    code = "target_aaa" if shortest >= TARGET_AAA else code
    return Finding(check="target", level=level, code=code, params={"pixels": int(shortest)})
