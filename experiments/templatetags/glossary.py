"""A term of the glossary with its explanation behind it: on hover, on focus and on a tap."""

from itertools import count
from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import get_language

from experiments.glossary import page_of, terms

register = template.Library()


@register.inclusion_tag("glossary/term.html", takes_context=True)
def term(context: template.Context, key: str, text: str = "") -> dict[str, Any]:
    """Show the term by its own name, or as `text`; KeyError for one that is not in the glossary."""
    language = (get_language() or "en").partition("-")[0]
    entry = terms()[key]
    shared: dict[str, Any] = context.render_context.dicts[0]  # type: ignore[assignment]
    numbers = shared.setdefault("numbers of terms", count(1))
    page = page_of(language).removesuffix(".md")
    return {
        "id": f"term-{key}-{next(numbers)}",
        "text": text or entry.name(language),
        "name": entry.name(language),
        "explanation": entry.explanation(language),
        "more": f"{reverse('documentation')}{page}/#{key}",
    }
