"""Copy and accessibility checks of a CTA: wording, appearance and position."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.legibility import contrast_ratio
from experiments.models import CTA
from ml import predict

# Button sizes of the admin, in CSS pixels: font size, padding above and beside the letters.
SIZES = {"small": (13, 4, 10), "medium": (16, 8, 18), "large": (20, 14, 28)}
LINE_HEIGHT = 1.2
# A letter of a sans-serif font is about half as wide as high.
LETTER_WIDTH = 0.5
# Background of a link: the page, whose colour is not known here.
PAGE_COLOUR = "#ffffff"


def check_cta(cta: CTA, text: str, *, locale: str, position: str | None) -> list[dict[str, Any]]:
    """Return the findings of a CTA with the wording `text`; `position` is None without a slot."""
    return predict.inspect(
        text, locale=locale, form=cta.form, look=look_of(cta, text, position), position=position
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedWording:
    """A wording with its findings, and the principles that its words show."""

    locale: str
    text: str
    findings: tuple[dict[str, Any], ...]
    principles: tuple[str, ...]


def check_wordings(cta: CTA, texts: Mapping[str, str]) -> list[CheckedWording]:
    """Return the checks of a CTA with these texts by language, for the slot whose default it is."""
    slot = None if cta._state.adding else cta.default_of_slots.first()
    position = slot.position if slot else None
    return [
        CheckedWording(
            locale=locale,
            text=text,
            findings=tuple(check_cta(cta, text, locale=locale, position=position)),
            principles=detected_principles({locale: text}),
        )
        for locale, text in texts.items()
    ]


def detected_principles(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the principles of persuasion that the words show, by language, in their own order."""
    used = {
        name
        for locale, text in texts.items()
        for name in predict.principles_of(text, locale=locale)
    }
    return tuple(name for name in CTA.Principle.values if name in used)


def look_of(cta: CTA, text: str, position: str | None) -> dict[str, Any] | None:
    """Return how it is drawn; None if it is spoken."""
    if cta.form == CTA.Form.SPOKEN:
        return None
    letters, above, beside = SIZES[cta.size]
    is_button = cta.form == CTA.Form.BUTTON
    label = f"{cta.icon} {text}" if cta.icon else text
    return {
        "contrast": contrast_ratio(
            cta.background_color, cta.text_color if is_button else PAGE_COLOUR
        ),
        "font_px": letters,
        "is_bold": False,  # drawn with a weight of 600, bold is 700
        "width_px": 2 * beside + LETTER_WIDTH * letters * len(label) if is_button else None,
        "height_px": 2 * above + LINE_HEIGHT * letters if is_button else None,
        "is_inline": not is_button and position == "in_text",
    }
