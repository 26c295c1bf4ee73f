"""Audience conditions as sentences, values to choose from, and example visitors."""

from typing import Any

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from experiments.formatting import segment_value
from experiments.targeting.rows import ANY, PRESENCE, ConditionRow, rows_of, typed
from experiments.targeting.vocabulary import COUNTRY, KNOWN, LANGUAGE, names_of

# Attributes sent by the snippet or read from the page's address; any other name is custom.
ATTRIBUTES = {
    "locale": gettext_lazy("Language"),
    "device": gettext_lazy("Device"),
    "new_visitor": gettext_lazy("New visitor"),
    "country": gettext_lazy("Country"),
    "path": gettext_lazy("Page (path)"),
    "referrer": gettext_lazy("Referring page"),
    "utm_source": gettext_lazy("Campaign source (utm_source)"),
    "utm_medium": gettext_lazy("Campaign medium (utm_medium)"),
    "utm_campaign": gettext_lazy("Campaign name (utm_campaign)"),
}
OPERATORS = {
    "is": gettext_lazy("is"),
    "is_not": gettext_lazy("is not"),
    "one_of": gettext_lazy("is one of"),
    "none_of": gettext_lazy("is none of"),
    "begins": gettext_lazy("begins with"),
    "contains": gettext_lazy("contains"),
    "at_least": gettext_lazy("is at least"),
    "above": gettext_lazy("is above"),
    "at_most": gettext_lazy("is at most"),
    "below": gettext_lazy("is below"),
    "known": gettext_lazy("is known"),
    "unknown": gettext_lazy("is not known"),
}
# Operators of whole values: what begins or is contained is a part of one, and has no name.
WHOLE = frozenset({"is", "is_not", "one_of", "none_of"})


def value_lists() -> dict[str, list[tuple[str, str]]]:
    """Return the values to choose from for attributes that have a list, as typed, with names.

    The names are in the active language.
    """
    language = get_language() or "en"
    countries = [(code, name) for name, code in names_of(COUNTRY, language).items()]
    tags = names_of(LANGUAGE, language).items()
    return {
        "device": [("mobile", _("Phone")), ("tablet", _("Tablet")), ("desktop", _("Desktop"))],
        "new_visitor": [("true", _("New visitor")), ("false", _("Returning visitor"))],
        COUNTRY: countries,
        # Languages without their regions: those are typed.
        LANGUAGE: [(tag, name) for name, tag in tags if len(tag) == 2],
    }


def summary_of(condition: dict[str, Any]) -> str:
    """Return the visitors that a condition takes in, as a sentence in the active language."""
    if not condition:
        return _("Every visitor")
    rows = rows_of(condition)
    if rows is None:
        return _("A condition in JSON that has no rows")
    joint = _(" or ") if rows.match == ANY else _(" and ")
    return joint.join(_row_in_words(row) for row in rows.rows)


def _row_in_words(row: ConditionRow) -> str:
    name = str(ATTRIBUTES.get(row.attribute, row.attribute))
    operator = str(OPERATORS[row.operator])
    if row.operator in PRESENCE:
        return f"{name} {operator}"
    values = {"name": name, "operator": operator, "value": _values_in_words(row)}
    return _("%(name)s %(operator)s “%(value)s”") % values


def _values_in_words(row: ConditionRow) -> str:
    """Return the values as the form's lists call them."""
    if row.attribute not in KNOWN or row.operator not in WHOLE:
        return row.value
    values = (one.strip() for one in row.value.split(","))
    return ", ".join(segment_value(one, row.attribute) for one in values)


def example_visitor(text: str) -> dict[str, Any]:
    """Return the attributes that somebody typed, one `name = value` a line."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): typed(value) for name, _equals, value in pairs if name.strip()}
