"""A CTA drawn as visitors see it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from experiments.models import CTA
from experiments.services.catalogue.cta_checks import SIZES
from experiments.services.documents.health_ticks import MARKS

PADDING = {size: f"{above}px {beside}px" for size, (_, above, beside) in SIZES.items()}
FONT_SIZE = {size: f"{letters}px" for size, (letters, *_) in SIZES.items()}


def draw(cta: CTA, text: str) -> SafeString:
    """Return the CTA as HTML; a spoken one as a quotation."""
    context = {
        "cta": cta,
        "form": cta.form,
        "text": text,
        "words": f"{cta.icon} {text}" if cta.icon else text,
        "padding": PADDING[cta.size],
        "font_size": FONT_SIZE[cta.size],
    }
    return render_to_string("admin/experiments/cta_preview.html", context)


LEVELS = ("fault", "advice", "unknown", "good")


def draw_findings(findings: Iterable[Mapping[str, Any]]) -> SafeString:
    """Return what was checked as a list, faults first."""
    ranked = sorted(findings, key=lambda each: LEVELS.index(each["level"]))
    marked = [{**each, "mark": MARKS[each["level"]]} for each in ranked]
    return render_to_string("admin/experiments/findings.html", {"findings": marked})
