"""The page "Keys" of a site: its client key with the former ones, server keys, and the history."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.admin.access.key_forms import RotateClientKeyForm
from experiments.models import Site
from experiments.selectors import access
from experiments.selectors.permissions import may, sites_where
from experiments.services.catalogue.access_log import Actor
from experiments.services.catalogue.client_keys import end_former_client_key, rotate_client_key
from experiments.services.edits.object_history import Line, who_did

NAME = "experiments_site_access"
# Older lines are in the database.
MOST_RECORDS = 200


def access_urls(admin_site: AdminSite) -> list[URLPattern]:
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        return _page(admin_site, request, pk)

    return [path("<int:pk>/access/", admin_site.admin_view(view), name=NAME)]


def access_lines(request: HttpRequest, site: Site) -> list[Line]:
    """Return the history of access as lines of the site's; none for who may not see its keys."""
    if not may(request.user, "experiments.view_serverkey", site):
        return []
    return [
        Line(
            at=one.at,
            who=who_did(one.author, by_person=one.by_person),
            what=one.get_kind_display(),
            note=" · ".join(text for text in (one.key, one.note) if text),
        )
        for one in access.access_records_of(site)[:MOST_RECORDS]
    ]


def _page(admin_site: AdminSite, request: HttpRequest, pk: int) -> HttpResponse:
    site = get_object_or_404(sites_where(request.user, "experiments.view_site"), pk=pk)
    if not may(request.user, "experiments.view_serverkey", site):
        raise PermissionDenied
    form = RotateClientKeyForm(request.POST if "overlap" in request.POST else None)
    if request.method == "POST" and _apply(request, site, form):
        return HttpResponseRedirect(reverse(f"admin:{NAME}", args=[pk]))
    with timezone.override(site.zone):
        return render(
            request,
            "admin/experiments/site_access.html",
            {
                **admin_site.each_context(request),
                "title": _("Keys"),
                "site_shown": site,
                "form": form,
                "former_keys": access.former_client_keys_of(site),
                "now": timezone.now(),
                "records": access.access_records_of(site)[:MOST_RECORDS],
            },
        )


def _apply(request: HttpRequest, site: Site, form: Any) -> bool:
    """Do what was posted; return False for what cannot be done."""
    by, now = Actor(author=request.user), timezone.now()
    ended = request.POST.get("end", "")
    if ended:
        former = get_object_or_404(access.former_client_keys_of(site), key=ended)
        end_former_client_key(former=former, now=now, by=by)
        messages.success(request, gettext("The former key is closed."))
        return True
    if not form.is_valid():
        return False
    overlap = timedelta(days=form.cleaned_data["overlap"])
    rotate_client_key(site=site, overlap=overlap, now=now, by=by)
    messages.success(request, gettext("The site has a new client key: put it into its pages."))
    return True
