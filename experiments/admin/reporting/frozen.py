"""Pages of frozen reports: the versions of an experiment, one of them, and its share links."""

import json
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from experiments.admin.editing.form_values import posted_key
from experiments.admin.experiment_pages import readable_experiment, url_of
from experiments.code_version import report_code
from experiments.models import Experiment, FrozenReport
from experiments.selectors.permissions import FREEZE, SHARE, may
from experiments.selectors.reports import changes_since, frozen_reports_of, visitors_of
from experiments.services.documents.frozen_pages import frozen_svg
from experiments.services.documents.frozen_reports import (
    CannotShareError,
    Lock,
    freeze_report,
    frozen_context,
    revoke_link,
    share_report,
)
from experiments.services.exploration.report_view import ViewRefusedError
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.pictures.looks import LOOKS

LONGEST_NOTE = 500
DAYS = (7, 30, 90, 365)


class ShareForm(forms.Form):
    """Lifetime and password of a new link."""

    use_required_attribute = False

    expires = forms.TypedChoiceField(
        label=gettext_lazy("Open for"),
        coerce=int,
        initial=30,
        choices=lambda: [(n, ngettext("%(n)s day", "%(n)s days", n) % {"n": n}) for n in DAYS],
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Empty: the link alone opens the report."),
    )


def frozen_urls(admin_site: AdminSite) -> list[URLPattern]:
    def frozen(request: HttpRequest, pk: int) -> HttpResponse:
        found = readable_experiment(request, pk)
        with timezone.override(found.slot.site.zone):
            return _frozen(admin_site, request, found)

    def picture(request: HttpRequest, pk: int, version: int, name: str, look: str) -> HttpResponse:
        return _picture(readable_experiment(request, pk), version, name, look)

    return [
        path(
            "<int:pk>/frozen/", admin_site.admin_view(frozen), name="experiments_experiment_frozen"
        ),
        path(
            "<int:pk>/frozen/<int:version>/<slug:name>/<slug:look>.svg",
            admin_site.admin_view(picture, cacheable=True),
            name="experiments_experiment_frozen_picture",
        ),
    ]


def _picture(experiment: Experiment, version: int, name: str, look: str) -> HttpResponse:
    frozen = FrozenReport.objects.filter(experiment=experiment, pk=version).first()
    svg = None
    if frozen is not None and look in LOOKS:
        svg = frozen_svg(json.loads(frozen.content), name, look=look)
    if svg is None:
        return HttpResponse(status=HTTPStatus.GONE)
    return HttpResponse(svg, content_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


def _picture_url(frozen: FrozenReport, name: str, look: str) -> str:
    args = [frozen.experiment_id, frozen.pk, name, look]
    return reverse("admin:experiments_experiment_frozen_picture", args=args)


def freezing_context(request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
    """Return what a report shows of its frozen versions."""
    if experiment.status == Experiment.Status.DRAFT:
        return {}
    return {
        "frozen_url": _url(experiment),
        "frozen_versions": list(frozen_reports_of(experiment)),
        "may_freeze": may(request.user, FREEZE, experiment),
    }


def _frozen(admin_site: AdminSite, request: HttpRequest, experiment: Experiment) -> HttpResponse:
    action = request.POST.get("action", "") if request.method == "POST" else ""
    if action == "freeze":
        return _freeze(request, experiment)
    version = posted_key(request.GET.get("version"))
    if not version:
        if request.method == "POST":
            raise PermissionDenied
        return _page(admin_site, request, experiment, "versions", {})
    versions = FrozenReport.objects.filter(experiment=experiment).select_related("author")
    frozen = get_object_or_404(versions, pk=version)
    form, new_link = ShareForm(), ""
    if request.method == "POST":
        if not may(request.user, SHARE, experiment):
            raise PermissionDenied
        if action == "revoke":
            return _revoke(request, frozen)
        form = ShareForm(request.POST)
        new_link = _share(request, frozen, form)
        form = ShareForm() if new_link else form
    shown = {
        **frozen_context(frozen, partial(_picture_url, frozen)),
        "changes": changes_since(frozen),
        "visitors_since": visitors_of(experiment) - frozen.visitors,
        "code_now": report_code(),
        "links": frozen.links.select_related("author"),
        "now": timezone.now(),
        "may_share": may(request.user, SHARE, experiment),
        "share_form": form,
        "new_link": new_link,
    }
    return _page(admin_site, request, experiment, "version", shown)


def _freeze(request: HttpRequest, experiment: Experiment) -> HttpResponse:
    if not may(request.user, FREEZE, experiment):
        raise PermissionDenied
    try:
        frozen = freeze_report(
            experiment=experiment,
            view=dict(parse_qsl(request.POST.get("view", "")[:2_000])),
            code_version=report_code(),
            occasion=_occasion(request, note=request.POST.get("note", "")[:LONGEST_NOTE]),
        )
    except (CannotShareError, ViewRefusedError) as error:
        for text in error.faults.values():
            messages.error(request, text)
        url = url_of("report", experiment)
        return HttpResponseRedirect(url)
    return HttpResponseRedirect(f"{_url(experiment)}?version={frozen.pk}")


def _share(request: HttpRequest, frozen: FrozenReport, form: ShareForm) -> str:
    """Return the address of a new link; empty with the faults in the form."""
    if not form.is_valid():
        return ""
    now = timezone.now()
    lock = Lock(
        expires_at=now + timedelta(days=form.cleaned_data["expires"]),
        password=form.cleaned_data["password"],
    )
    try:
        _link, token = share_report(frozen=frozen, lock=lock, occasion=_occasion(request))
    except CannotShareError as error:
        for field, text in error.faults.items():
            form.add_error(field or None, text)
        return ""
    return request.build_absolute_uri(reverse("shared-report", args=[token]))


def _revoke(request: HttpRequest, frozen: FrozenReport) -> HttpResponse:
    link = get_object_or_404(frozen.links, pk=posted_key(request.POST.get("link")))
    if revoke_link(link=link, occasion=_occasion(request)):
        messages.success(request, _("The link is closed."))
    else:
        messages.warning(request, _("The link was closed already."))
    return HttpResponseRedirect(f"{_url(frozen.experiment)}?version={frozen.pk}")


def _page(
    admin_site: AdminSite,
    request: HttpRequest,
    experiment: Experiment,
    name: str,
    shown: dict[str, Any],
) -> HttpResponse:
    context = {
        **admin_site.each_context(request),
        **freezing_context(request, experiment),
        **shown,
        "title": experiment.name,
        "opts": Experiment._meta,
        "experiment": experiment,
        "report_url": url_of("report", experiment),
    }
    return render(request, f"admin/experiments/frozen_{name}.html", context)


def _occasion(request: HttpRequest, note: str = "") -> Occasion:
    return Occasion(now=timezone.now(), author=request.user, note=note)


def _url(experiment: Experiment) -> str:
    return reverse("admin:experiments_experiment_frozen", args=[experiment.pk])
