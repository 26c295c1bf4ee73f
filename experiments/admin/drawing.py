"""A CTA drawn as visitors see it."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from experiments.models import CTA

PADDING = {"small": "4px 10px", "medium": "8px 18px", "large": "14px 28px"}
FONT_SIZE = {"small": "13px", "medium": "16px", "large": "20px"}


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
