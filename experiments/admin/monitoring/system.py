"""The page of the system: what runs, what stands still, and what the last checks found."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.models import Heartbeat
from experiments.selectors import monitoring
from experiments.selectors.permissions import VIEW_SYSTEM, may, sites_where
from experiments.services.monitoring.event_intake import rejected_shares
from experiments.services.monitoring.readiness import installation_checks
from experiments.services.monitoring.standstill import role_states
from experiments.services.monitoring.task_runs import periodic_tasks

NAME = "experiments_system"
MOST_CHECKS = 50
CHECK_NAMES = {
    "disk": _("Disk of the data folder"),
    "migrations": _("Migrations of the database"),
    "waiting_batches": _("Counting of stored events"),
    "processes": _("Processes"),
    "periodic_tasks": _("Periodic tasks"),
    "rollups": _("Nightly check of rollups"),
    "rejected_events": _("Rejected events"),
    "broker": _("Queue of tasks"),
    "event_stream": _("Event stream (Redis)"),
    **{str(role.value): role.label for role in Heartbeat.Role},
}


def system_urls(admin_site: AdminSite) -> list[URLPattern]:
    def view(request: HttpRequest) -> HttpResponse:
        return _page(admin_site, request)

    return [path("system/", admin_site.admin_view(view), name=NAME)]


def _page(admin_site: AdminSite, request: HttpRequest) -> HttpResponse:
    if not may(request.user, VIEW_SYSTEM):
        return HttpResponse(status=403)
    now = timezone.now()
    sites = sites_where(request.user, VIEW_SYSTEM)
    keys = set(sites.values_list("pk", flat=True))
    context: dict[str, Any] = {
        **admin_site.each_context(request),
        "title": _("System"),
        "checks": [
            (CHECK_NAMES[check.name], gettext(check.problem) if check.problem else "")
            for check in installation_checks(now=now)
        ],
        "states": role_states(now=now),
        "tasks": periodic_tasks(now=now),
        "rollup_checks": monitoring.rollup_checks(sites)[:MOST_CHECKS],
        "shares": [one for one in rejected_shares(now=now) if one.site_id in keys],
    }
    return render(request, "admin/experiments/system.html", context)
