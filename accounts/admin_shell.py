"""The admin's frame around the pages of one's own account."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


def admin_shell(request: HttpRequest) -> dict[str, Any]:
    """Return what the admin's own templates need, for templates of allauth's views."""
    if not request.path.startswith(reverse("account_login").removesuffix("login/")):
        return {}
    return admin.site.each_context(request)


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the links of the menu that bears the person's name."""
    links = [
        {"title": _("Preferences"), "link": reverse("account_preferences")},
        {"title": _("Choice of notices"), "link": reverse("admin:experiments_notices_choices")},
        {"title": _("Second factor"), "link": reverse("mfa_index")},
        {"title": _("Sessions"), "link": reverse("usersessions_list")},
    ]
    if request.user.is_authenticated and request.user.has_usable_password():
        links.append({"title": _("Change password"), "link": reverse("account_change_password")})
    return links
