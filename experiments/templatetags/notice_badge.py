"""The number of unread notices, in the menu."""

from django import template
from django.contrib.auth.models import User
from django.utils import timezone

from experiments.selectors.permissions import VIEW_NOTICES, Person, may
from experiments.services.notices.inbox import MOST, unread_count

register = template.Library()


@register.simple_tag
def unread_notices(person: Person) -> str:
    """Return how many notices a person has not read, "99+" for more than that; empty for none."""
    if not isinstance(person, User) or not may(person, VIEW_NOTICES):
        return ""
    count = unread_count(person, now=timezone.now())
    return f"{MOST - 1}+" if count >= MOST else str(count or "")
