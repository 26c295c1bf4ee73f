"""The page of a site's holdout: what it is, its size, and its readout."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.forms import HoldoutForm
from experiments.formatting import percent
from experiments.models import Site
from experiments.selectors import reports
from experiments.selectors.permissions import may, sites_where
from experiments.services.catalogue.holdouts import set_holdout
from experiments.services.reporting.holdout import holdout_reach, read_holdout

NAME = "experiments_site_holdout"
CHANGE = "experiments.change_site"
# Sizes that the page offers; the form of the site takes any up to a half.
SIZES = (Decimal("0.01"), Decimal("0.02"), Decimal("0.05"), Decimal("0.1"), Decimal("0.2"))
# Experiments that the warning names.
MOST_NAMED = 5


class SizeForm(forms.Form):
    """Part of the visitors held out; `before` is what the page showed."""

    size = forms.ChoiceField(label=gettext_lazy("Part of the visitors held out"))
    before = forms.DecimalField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, site: Site, **kwargs: Any) -> None:
        kwargs.setdefault(
            "initial", {"size": str(site.holdout.normalize()), "before": site.holdout}
        )
        super().__init__(*args, **kwargs)
        sizes = sorted({Decimal(0), site.holdout.normalize(), *SIZES})
        field: Any = self.fields["size"]
        field.choices = [(str(one), _size_in_words(one)) for one in sizes]


def holdout_url(site: Site) -> str:
    return reverse(f"admin:{NAME}", args=[site.pk])


def holdout_urls(admin_site: AdminSite) -> list[URLPattern]:
    def holdout(request: HttpRequest, pk: int) -> HttpResponse:
        sites = sites_where(request.user, "experiments.view_experiment")
        return _holdout(admin_site, request, get_object_or_404(sites, pk=pk))

    return [path("<int:pk>/holdout/", admin_site.admin_view(holdout), name=NAME)]


def _holdout(admin_site: AdminSite, request: HttpRequest, site: Site) -> HttpResponse:
    """Compare the visitors held out with all others, by the goal that is asked for."""
    may_set = may(request.user, CHANGE, site)
    if request.method == "POST":
        if not may_set:
            raise PermissionDenied
        _set(admin_site, request, site)
        return HttpResponseRedirect(holdout_url(site))
    form = HoldoutForm(request.GET or None, site=site)
    readout = None
    if form.is_valid():
        readout = read_holdout(site=site, now=timezone.now(), **form.cleaned_data)
    with timezone.override(site.zone):
        context = {
            **admin_site.each_context(request),
            "title": _("Holdout"),
            "opts": Site._meta,
            "site_read": site,
            "form": form,
            "readout": readout,
            "size_form": SizeForm(site=site) if may_set else None,
            "reaches": [holdout_reach(share=float(size)) for size in SIZES],
            "live": reports.live_experiments(sites=Site.objects.filter(pk=site.pk))[:MOST_NAMED],
        }
        return render(request, "admin/experiments/holdout.html", context)


def _set(admin_site: AdminSite, request: HttpRequest, site: Site) -> None:
    form = SizeForm(request.POST, site=site)
    if not form.is_valid():
        messages.error(request, _("Choose one of the sizes."))
        return
    size, before = Decimal(form.cleaned_data["size"]), form.cleaned_data["before"]
    if set_holdout(site=site, share=size, before=before):
        page = admin_site.get_model_admin(Site)
        page.log_change(request, site, [{"changed": {"fields": ["holdout"]}}])
        messages.success(
            request, _("Held out from now on: %(size)s.") % {"size": percent(float(size), 0)}
        )
    else:
        messages.error(request, _("Somebody else has changed it meanwhile: look at it again."))


def _size_in_words(size: Decimal) -> str:
    return percent(float(size), 0 if size == round(size, 2) else 2) if size else _("Nobody")
