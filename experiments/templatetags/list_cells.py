"""Cells of the admin's lists with short class names: the theme's own are 600 characters a cell."""

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, LINK_CLASSES, ROW_CLASSES
from unfold.widgets import CHECKBOX_CLASSES as TICK_CLASSES

register = template.Library()

FIRST_OF_LABEL = re.compile(r'(?<= data-label=")[^&"]')
# Those of the source: a no-break space is a part of the text.
BLANKS = re.compile(r"[ \t\r\n]+")

# The rules of the short names are in `experiments/static/experiments/pages.css`. Other classes than
# these are left as they are.
_SHORT = {
    escape(" ".join(classes)): name
    for classes, name in (
        (ROW_CLASSES, "cta-cell"),
        (CHECKBOX_CLASSES, "cta-cell-tick"),
        (LINK_CLASSES, "cta-cell-link"),
        (TICK_CLASSES, "cta-tick"),
    )
}


@register.filter
def short_cell(cell: SafeString) -> SafeString:
    """Return the HTML of a cell with its classes by their short names, and blanks by one.

    Its label, which a narrow screen shows, begins with a capital letter.
    """
    text = BLANKS.sub(" ", cell).strip(" ")
    text = FIRST_OF_LABEL.sub(lambda first: first[0].upper(), text)
    for long, short in _SHORT.items():
        text = text.replace(long, short)
    return mark_safe(text)  # noqa: S308  it was safe, and what replaces parts of it is our own
