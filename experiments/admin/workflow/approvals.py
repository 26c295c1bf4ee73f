"""The page on which a second person approves a draft, and the card that leads to it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from experiments.admin.editing.form_values import posted_key
from experiments.admin.experiment_pages import PREFIX, readable_experiment, url_of
from experiments.admin.workflow.end_of_test import MAY_CHANGE
from experiments.models import Approval, Experiment, Site
from experiments.selectors.permissions import APPROVE, may, people_with
from experiments.services.edits.row_content import Difference, differences
from experiments.services.lifecycle.approvals import (
    CannotApproveError,
    answer_approval,
    approval_state,
    ask_approval,
    refusal_for,
)
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.plan_content import (
    field_in_words,
    row_in_words,
    value_in_words,
)

LONGEST_NOTE = 2_000
ASK = "ask"
ANSWERS = {
    "approve": Approval.State.APPROVED,
    "decline": Approval.State.DECLINED,
    "withdraw": Approval.State.WITHDRAWN,
}


def approval_urls(admin_site: AdminSite) -> list[URLPattern]:
    def approval(request: HttpRequest, pk: int) -> HttpResponse:
        found = readable_experiment(request, pk)
        with timezone.override(found.slot.site.zone):
            return _approval(admin_site, request, found)

    view = admin_site.admin_view(approval)
    return [path("<int:pk>/approval/", view, name=f"{PREFIX}_approval")]


def approval_context(request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
    """Return what a draft's report shows of its approval; nothing where none is needed."""
    is_draft = experiment.status == Experiment.Status.DRAFT
    if not (is_draft and experiment.slot.site.needs_approval):
        return {}
    state = approval_state(experiment)
    latest = state.latest
    refusal = refusal_for(experiment, latest, request.user) if latest and state.is_waiting else ""
    return {
        "approval": state,
        "approval_url": url_of("approval", experiment),
        "approval_changes": _in_words(state.changed),
        "approval_refusal": refusal,
        "approvers": _others_who_approve(request, experiment.slot.site),
        "may_ask": may(request.user, MAY_CHANGE, experiment),
        "may_approve": may(request.user, APPROVE, experiment) and not refusal,
    }


def approval_offer(request: HttpRequest, site: Site) -> dict[str, Any]:
    """Return who can approve what the person plans on a site; nothing where none is needed."""
    if not site.needs_approval:
        return {}
    return {"needs_approval": True, "approvers": _others_who_approve(request, site)}


def _others_who_approve(request: HttpRequest, site: Site) -> list[str]:
    author: Any = request.user
    people = people_with(APPROVE, site).exclude(pk=author.pk)
    return [one.get_full_name() or one.get_username() for one in people]


def _approval(admin_site: AdminSite, request: HttpRequest, experiment: Experiment) -> HttpResponse:
    if request.method == "POST":
        _act(request, experiment)
        return HttpResponseRedirect(url_of("report", experiment))
    context = approval_context(request, experiment)
    if not context:
        messages.info(request, _("This test needs no approval now."))
        return HttpResponseRedirect(url_of("report", experiment))
    content = context["approval"].content
    return render(
        request,
        "admin/experiments/approval.html",
        {
            **admin_site.each_context(request),
            **context,
            "title": _("Approval"),
            "opts": Experiment._meta,
            "experiment": experiment,
            "report_url": url_of("report", experiment),
            "content": _in_words(differences([], content)),
        },
    )


def _act(request: HttpRequest, experiment: Experiment) -> None:
    """Carry out the action of a button, and show its outcome."""
    action = request.POST.get("action", "")
    needed = APPROVE if action in ("approve", "decline") else MAY_CHANGE
    if not may(request.user, needed, experiment) or action not in {ASK, *ANSWERS}:
        raise PermissionDenied
    note = request.POST.get("note", "")[:LONGEST_NOTE]
    occasion = Occasion(now=timezone.now(), author=request.user, note=note)
    try:
        if action == ASK:
            ask_approval(experiment=experiment, occasion=occasion)
            messages.success(request, _("A second person can approve it now."))
            return
        asked = get_object_or_404(experiment.approvals, pk=posted_key(request.POST.get("approval")))
        if answer_approval(approval=asked, state=ANSWERS[action], occasion=occasion):
            messages.success(request, asked.get_state_display())
        else:
            messages.warning(request, _("Somebody has answered it already."))
    except CannotApproveError as error:
        for reason in error.reasons:
            messages.error(request, reason)


def _in_words(changes: list[Difference]) -> list[dict[str, str]]:
    return [
        {
            "row": row_in_words(one.row),
            "field": field_in_words(one.row, one.field),
            "before": value_in_words(one.row, one.field, one.before),
            "after": value_in_words(one.row, one.field, one.after),
        }
        for one in changes
    ]
