"""The banner of the admin that names what stands still."""

from typing import Any

from django import template
from django.utils import timezone

from experiments.selectors.permissions import VIEW_SYSTEM, Person, may, sites_where
from experiments.services.monitoring.event_intake import rejected_shares
from experiments.services.monitoring.standstill import standstills

register = template.Library()


@register.inclusion_tag("admin/experiments/standstill.html")
def standstill_banner(person: Person) -> dict[str, Any]:
    """Name processes that are silent, and sites of the person whose events are rejected."""
    if not may(person, VIEW_SYSTEM):
        return {}
    now = timezone.now()
    shares = [one for one in rejected_shares(now=now) if one.is_alarming]
    if shares:
        sites = set(sites_where(person, VIEW_SYSTEM).values_list("pk", flat=True))
        shares = [one for one in shares if one.site_id in sites]
    return {"states": standstills(now=now), "shares": shares}
