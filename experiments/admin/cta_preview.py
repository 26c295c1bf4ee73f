"""A CTA drawn as visitors see it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from experiments.models import CTA
from experiments.services.catalogue.cta_checks import SIZES

PADDING = {size: f"{above}px {beside}px" for size, (_, above, beside) in SIZES.items()}
FONT_SIZE = {size: f"{letters}px" for size, (letters, *_) in SIZES.items()}


def draw(cta: CTA, text: str) -> SafeString:
    """Return the CTA as HTML; a spoken one as a quotation."""
    if cta.form == CTA.Form.SPOKEN:
        return format_html("<q>{}</q>", text)
    words = f"{cta.icon} {text}" if cta.icon else text
    if cta.form == CTA.Form.LINK:
        return format_html(
            '<span style="color:{};font-size:{};text-decoration:underline">{}</span>',
            cta.background_color,
            FONT_SIZE[cta.size],
            words,
        )
    return format_html(
        '<span style="display:inline-block;border-radius:6px;font-weight:600;'
        'background:{};color:{};padding:{};font-size:{}">{}</span>',
        cta.background_color,
        cta.text_color,
        PADDING[cta.size],
        FONT_SIZE[cta.size],
        words,
    )


LEVELS = ("fault", "advice", "unknown", "good")
# Beside a colour, so that nobody needs to see colours.
MARKS = {"good": "\u2713", "advice": "\u25cb", "fault": "\u2717", "unknown": "?"}


def draw_findings(findings: Iterable[Mapping[str, Any]]) -> SafeString:
    """Return what was checked as a list, faults first."""
    ranked = sorted(findings, key=lambda each: LEVELS.index(each["level"]))
    return format_html(
        '<ul class="cta-findings">{}</ul>',
        format_html_join(
            "",
            '<li class="cta-finding-{}"><span aria-hidden="true">{}</span> '
            "<strong>{}</strong> {}</li>",
            (
                (each["level"], MARKS[each["level"]], each["name"], each["message"])
                for each in ranked
            ),
        ),
    )
