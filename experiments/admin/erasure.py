"""The page on which a person exports or erases a visitor: name them, see what is there, act."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from experiments.event_schema.messages import may_be_visitor
from experiments.models import Site
from experiments.selectors import events
from experiments.selectors.permissions import may, sites_where
from experiments.services.catalogue.access_log import Actor
from experiments.services.catalogue.site_secrets import stored_names
from experiments.services.operations.visitor_erasure import NotErasedError, erase_visitor
from experiments.services.operations.visitor_export import NotExportedError, export_visitor

NAME = "experiments_visitor_erase"


class EraseForm(forms.Form):
    field_order = ("site", "visitor")
    visitor = forms.CharField(
        label=_("Visitor"),
        max_length=200,
        strip=False,
        help_text=_("The exact ID that was served: the targetingKey."),
    )

    def __init__(self, *args: Any, sites: QuerySet[Site]) -> None:
        super().__init__(*args)
        self.fields["site"] = forms.ModelChoiceField(label=_("Site"), queryset=sites)

    def clean_visitor(self) -> str:
        visitor = str(self.cleaned_data["visitor"])
        if not may_be_visitor(visitor):
            raise forms.ValidationError(_("This is not a valid visitor ID."))
        return visitor


def erasure_urls(admin_site: AdminSite) -> list[URLPattern]:
    def view(request: HttpRequest) -> HttpResponse:
        return _page(admin_site, request)

    return [path("erase-visitor/", admin_site.admin_view(view), name=NAME)]


def _page(admin_site: AdminSite, request: HttpRequest) -> HttpResponse:
    sites = sites_where(request.user, "experiments.change_event")
    if not may(request.user, "experiments.change_event"):
        return HttpResponse(status=403)
    form = EraseForm(request.POST or None, sites=sites)
    traces = None
    if request.method == "POST" and form.is_valid():
        if "confirmed" in request.POST:
            return _erase(request, **form.cleaned_data)
        if "exported" in request.POST:
            return _export(request, **form.cleaned_data)
        site_id = form.cleaned_data["site"].pk
        names = stored_names(site_id=site_id, visitor=form.cleaned_data["visitor"])
        n_events, n_experiments = events.traces_of_visitor(site_id=site_id, names=names)
        traces = {"events": n_events, "experiments": n_experiments}
    context: dict[str, Any] = {
        **admin_site.each_context(request),
        "title": _("Erase a visitor"),
        "form": form,
        "found": traces,
    }
    return render(request, "admin/experiments/erase_visitor.html", context)


def _erase(request: HttpRequest, *, site: Site, visitor: str) -> HttpResponse:
    try:
        erasure = erase_visitor(
            site=site, visitor=visitor, now=timezone.now(), by=Actor(author=request.user)
        )
    except NotErasedError:
        text = gettext("Not all is erased: Redis does not answer. Repeat it for %(visitor)s.")
        messages.error(request, text % {"visitor": visitor})
        return HttpResponseRedirect(reverse(f"admin:{NAME}"))
    if erasure.was_known:
        text = ngettext(
            "Erased: %(count)s event of %(visitor)s.",
            "Erased: %(count)s events of %(visitor)s.",
            erasure.n_events,
        )
        values = {"count": erasure.n_events, "visitor": visitor}
        messages.success(request, text % values)
    else:
        text = gettext("Nothing is stored about %(visitor)s on this site.")
        messages.warning(request, text % {"visitor": visitor})
    return HttpResponseRedirect(reverse(f"admin:{NAME}"))


def _export(request: HttpRequest, *, site: Site, visitor: str) -> HttpResponse:
    now = timezone.now()
    try:
        found = export_visitor(site=site, visitor=visitor, now=now, by=Actor(author=request.user))
    except NotExportedError:
        text = gettext("Nothing is exported: Redis does not answer. Repeat it for %(visitor)s.")
        messages.error(request, text % {"visitor": visitor})
        return HttpResponseRedirect(reverse(f"admin:{NAME}"))
    if found is None:
        text = gettext("Nothing is stored about %(visitor)s on this site.")
        messages.warning(request, text % {"visitor": visitor})
        return HttpResponseRedirect(reverse(f"admin:{NAME}"))
    body = json.dumps(found, ensure_ascii=False, indent=2)
    # The name of a file is seen by more people than its content: no visitor in it.
    name = f"visitor-{site.key}-{now:%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="application/json", headers=headers)
