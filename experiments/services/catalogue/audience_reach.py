"""Size of an audience: the visitors of the last days who would have been in it.

Visitors are those who met a test on the site, by the attributes that are kept of their first
exposure. Attributes that are not kept, such as the page, cannot be counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext as _

from experiments.event_schema.calendar_days import calendar_day
from experiments.formatting import count
from experiments.models import Site
from experiments.selectors.rollups import attribute_sets
from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.languages import ATTRIBUTE, key, with_language_ranges
from experiments.targeting.overlap import comparisons_by_attribute

DAYS = 30
KEPT = frozenset({"device", "locale", "country", "new_visitor"})
# The page asks again with every change of a condition.
REMEMBERED_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Visitors of an audience, of all visitors of these days.

    `visitors` is None where they cannot be counted; `uncounted` names the attributes why.
    """

    visitors: int | None
    of: int
    days: int = DAYS
    uncounted: tuple[str, ...] = ()


def reach_of(*, site: Site, condition: Mapping[str, Any], now: datetime) -> Reach:
    """Count the visitors of the last days that meet a condition."""
    counts = _attribute_sets(site, calendar_day(now, site.zone))
    total = sum(counts.values())
    uncounted = _uncounted(condition)
    if uncounted:
        return Reach(visitors=None, of=total, uncounted=uncounted)
    served = with_language_ranges(condition)
    met = [n for text, n in counts.items() if evaluate_condition(served, attributes_in(text))]
    return Reach(visitors=sum(met), of=total)


def reach_in_words(reach: Reach) -> str:
    """Return the size of an audience as a sentence."""
    values: dict[str, Any] = {"days": reach.days, "of": reach.of, "visitors": reach.visitors}
    if reach.of == 0:
        return _("Nobody has seen a test in the last %(days)s days, so nobody can be counted.") % (
            values
        )
    if reach.visitors is None:
        values["names"] = ", ".join(reach.uncounted)
        return _("Its visitors cannot be counted: %(names)s is not kept of a visitor.") % values
    return _(
        "%(visitors)s of the %(of)s visitors who saw a test in the last %(days)s days are in it."
    ) % {**values, "visitors": count(reach.visitors), "of": count(reach.of)}


def attributes_in(segments: str) -> dict[str, Any]:
    """Return the attributes that are kept of a visitor, as conditions compare them.

    >>> attributes_in("device=mobile new_visitor=true")
    {'device': 'mobile', 'new_visitor': True}
    """
    pairs = (one.partition("=") for one in segments.split())
    words = {"true": True, "false": False}
    return {name: words.get(value, value) for name, _equals, value in pairs}


def _attribute_sets(site: Site, today: date) -> dict[str, int]:
    name = f"audience-reach:{site.pk}:{today}"
    found: dict[str, int] | None = cache.get(name)
    if found is None:
        found = attribute_sets(site=site, since=today - timedelta(days=DAYS))
        cache.set(name, found, REMEMBERED_S)
    return found


def _uncounted(condition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the attributes that are not kept as the condition needs them."""
    compared = comparisons_by_attribute([condition])
    names = [name for name in compared if name not in KEPT]
    # Of a language only its first part is kept.
    regions = [
        value
        for _name, operand in compared.get(ATTRIBUTE, ())
        for value in (operand if isinstance(operand, list) else [operand])
        if isinstance(value, str) and "-" in key(value)
    ]
    return (*names, *(f"{ATTRIBUTE} {value}" for value in regions))
