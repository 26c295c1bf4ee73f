"""The page that offers an A/A test, and what a report shows of one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.experiment_pages import url_of
from experiments.models import Experiment, Site, Slot
from experiments.selectors import catalogue, reports
from experiments.selectors.permissions import may, sites_where
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.drafting.aa_drafts import aa_outlook, draft_aa_test
from experiments.services.lifecycle.drafts import AlreadyDraftedError
from experiments.services.reporting.aa_tests import aa_history, is_aa_test
from experiments.services.reporting.full_report import FullReport

NAME = "experiments_experiment_aa"
ADD = "experiments.add_experiment"
ALPHA = Experiment._meta.get_field("alpha").default
# A/A tests of a site that the page names; the list of past tests has the others.
MOST_NAMED = 5


class SlotForm(forms.Form):
    slot = forms.ModelChoiceField(
        label=gettext_lazy("Slot"),
        queryset=Slot.objects.none(),
        empty_label=gettext_lazy("Choose a slot"),
        error_messages={"required": gettext_lazy("Choose the slot to test on.")},
    )

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["slot"]
        field.queryset = catalogue.slots_of(sites=sites)


def aa_urls(admin_site: AdminSite) -> list[URLPattern]:
    def aa(request: HttpRequest) -> HttpResponse:
        return _aa(admin_site, request)

    return [path("aa-test/", admin_site.admin_view(aa), name=NAME)]


def aa_url(slot: Slot | None = None) -> str:
    """Return the page that offers an A/A test; of this slot if one is given."""
    page = reverse(f"admin:{NAME}")
    return f"{page}?slot={slot.pk}" if slot else page


def past_aa_url(site: Site) -> str:
    """Return the list of the past A/A tests of a site."""
    page = reverse("admin:experiments_pasttest_changelist")
    return f"{page}?aa=only&site__id__exact={site.pk}"


def aa_context(full: FullReport) -> dict[str, Any]:
    """Return what a report shows of an A/A test: split, alarms, history; nothing of others."""
    report = full.report
    experiment = report.experiment
    if not is_aa_test(experiment):
        return {}
    total = sum(arm.visitors for arm in report.arms)
    p_values = {row.arm: row.decisive.p_value_adjusted for row in report.comparisons}
    return {
        "is_aa": True,
        "aa_arms": [
            {
                "arm": arm,
                "observed": arm.visitors / total if total else None,
                "p_value": p_values.get(arm.arm),
                "is_alarm": _is_alarm(p_values.get(arm.arm), experiment.alpha),
            }
            for arm in report.arms
        ],
        "aa_alpha": experiment.alpha,
        "aa_history": aa_history(experiment.slot.site, alpha=experiment.alpha, without=experiment),
        "aa_past_url": past_aa_url(experiment.slot.site),
    }


def _is_alarm(p_value: float | None, alpha: float) -> bool:
    return p_value is not None and p_value <= alpha


def _aa(admin_site: AdminSite, request: HttpRequest) -> HttpResponse:
    if not may(request.user, ADD):
        raise PermissionDenied
    sites = sites_where(request.user, ADD)
    form = SlotForm(request.POST or _asked(request, sites), sites=sites)
    slot = form.cleaned_data["slot"] if form.is_bound and form.is_valid() else None
    if request.method == "POST" and slot is not None:
        draft = _made(request, slot)
        if draft is not None:
            return HttpResponseRedirect(url_of("report", draft))
    context = {
        **admin_site.each_context(request),
        "title": _("Check your set-up with an A/A test"),
        "opts": Experiment._meta,
        "form": form,
        "slot": slot,
        **(_slot_context(slot) if slot else {}),
    }
    return render(request, "admin/experiments/offers/aa_test.html", context)


def _asked(request: HttpRequest, sites: QuerySet[Site]) -> dict[str, str] | None:
    """Return the slot of the address, or the only one that there is."""
    slot = request.GET.get("slot", "")
    if slot:
        return {"slot": slot}
    first = list(catalogue.slots_of(sites=sites)[:2])
    return {"slot": str(first[0].pk)} if len(first) == 1 else None


def _made(request: HttpRequest, slot: Slot) -> Experiment | None:
    try:
        draft = draft_aa_test(slot=slot, now=timezone.now())
    except AlreadyDraftedError as error:
        messages.info(request, str(error))
        return error.draft
    except CannotSaveError as error:
        for text in error.sentences:
            messages.error(request, text)
        return None
    messages.success(request, _("Draft of an A/A test created. Look at it, then start it here."))
    return draft


def _slot_context(slot: Slot) -> dict[str, Any]:
    return {
        "outlook": aa_outlook(slot=slot, now=timezone.now()),
        "alpha": ALPHA,
        "history": aa_history(slot.site, alpha=ALPHA),
        "past": [
            (one, url_of("report", one))
            for one in reports.finished_aa_tests(site=slot.site)[:MOST_NAMED]
        ],
        "past_url": past_aa_url(slot.site),
    }
