"""Pictures on other pages than reports: drawn when a browser asks, with words and numbers."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from experiments.services.documents.drawn.picture import Picture
from experiments.services.documents.drawn.picture_store import keep_pictures
from experiments.services.pictures.looks import LOOKS, ON_PAPER
from experiments.services.pictures.rendering import draw_svg

register = template.Library()


@register.inclusion_tag("admin/experiments/drawn_picture.html")
def drawn(picture: Picture | Mapping[str, Any], *, has_table: bool = True) -> dict[str, Any]:
    """Return a picture with its title, words and, folded, its numbers.

    Args:
        picture: Picture, or its fields where the page's code knows no pictures.
        has_table: False where the page itself has the numbers.
    """
    whole = picture if isinstance(picture, Picture) else Picture(**picture)
    keep_pictures([whole])
    digest = whole.digest
    urls = {
        look.replace("-", "_"): reverse("admin:experiments_app_picture_svg", args=[digest, look])
        for look in LOOKS
    }
    return {"shown": {"picture": whole, **urls}, "is_alone": True, "has_table": has_table}


@register.simple_tag
def svg_file(picture: Mapping[str, Any]) -> SafeString:
    """Return a picture as the text of a file; drawn at once, so for commands and never for pages.

    Args:
        picture: Fields of a `Picture`.
    """
    fields = Picture(**picture).as_json()
    svg = draw_svg(
        fields["kind"],
        fields["rows"],
        look=ON_PAPER,
        language=get_language() or "en",
        options=fields["options"],
    )
    return mark_safe(svg)  # noqa: S308  its texts are escaped by what drew it
