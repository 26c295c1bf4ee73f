"""The page that ends a test: decision, promotion and what comes next."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from experiments.admin.editing.edit_history import author_of
from experiments.admin.experiment_pages import PREFIX, readable_experiment, url_of
from experiments.admin.reporting.report import plan_new_draft
from experiments.admin.workflow.end_form import EndForm, effect_of, options_of
from experiments.models import Experiment
from experiments.selectors.permissions import may
from experiments.services.analysis.report import report_of
from experiments.services.edits.edit_log import Way, log_edit
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.decisions import (
    CannotDecideError,
    CannotUndoError,
    is_in_time,
    undo_promotion,
)
from experiments.services.lifecycle.drafts import AlreadyDraftedError, follow_up_experiment
from experiments.services.lifecycle.transitions import archive_experiment
from experiments.services.reporting.end_of_test import (
    decision_in_words,
    end_test,
    names_of,
    report_then_in_words,
    runner_up,
    suggestion_of,
)
from experiments.services.reporting.full_report import FullReport, full_report
from experiments.stats.decision.decide import Status

MAY_CHANGE = "experiments.change_experiment"


def end_urls(admin_site: AdminSite) -> list[URLPattern]:
    def end(request: HttpRequest, pk: int) -> HttpResponse:
        experiment = readable_experiment(request, pk)
        with timezone.override(experiment.slot.site.zone):
            return _end(admin_site, request, experiment)

    def undo(request: HttpRequest, pk: int) -> HttpResponse:
        return _undo(request, pk)

    def follow_up(request: HttpRequest, pk: int) -> HttpResponse:
        return _follow_up(request, pk)

    views = (("end", end), ("undo_promotion", undo), ("follow_up", follow_up))
    return [
        path(
            f"<int:pk>/{name.replace('_', '-')}/",
            admin_site.admin_view(view),
            name=f"{PREFIX}_{name}",
        )
        for name, view in views
    ]


def decision_context(request: HttpRequest, full: FullReport) -> dict[str, Any]:
    """Return what a report shows of the decision, and where it is taken."""
    experiment = full.report.experiment
    decision = getattr(experiment, "decision", None)
    may_change = may(request.user, MAY_CHANGE, experiment)
    is_draft = experiment.status == Experiment.Status.DRAFT
    context: dict[str, Any] = {"decision": decision}
    if decision is None:
        if may_change and not is_draft:
            context |= {"end_url": url_of("end", experiment), "ship": _ship_link(full)}
        return context
    names = names_of(experiment)
    is_promoted = decision.promoted_cta_id is not None and decision.undone_at is None
    context |= {
        "decision_title": decision_in_words(decision, names=names),
        "report_then": report_then_in_words(decision, names=names),
        "is_promoted": is_promoted,
        "undo_url": url_of("undo_promotion", experiment)
        if is_promoted and may_change and is_in_time(decision, timezone.now())
        else "",
        "follow_up_url": url_of("follow_up", experiment) if may_change else "",
    }
    return context


def _ship_link(full: FullReport) -> dict[str, str]:
    """Return the button of the verdict: its text, and the page with the decision preselected."""
    suggested = suggestion_of(full)
    texts = {
        Status.SHIP: _("Ship “%(name)s”"),
        Status.KEEP_CONTROL: _("Keep the control"),
        Status.STOP_FOR_HARM: _("Stop and keep the control"),
        Status.INVALID: _("Record it as invalid")
        if full.report.experiment.stopped_at
        else _("End it as invalid"),
    }
    if not suggested.outcome or full.verdict is None:
        return {}
    arms = {arm.key: arm.text for arm in full.report.arms}
    text = texts[Status(full.verdict.status)] % {"name": arms.get(suggested.arm, "")}
    value = f"{suggested.outcome}:{suggested.arm}" if suggested.arm else suggested.outcome
    page = url_of("end", full.report.experiment)
    return {"text": text, "url": f"{page}?outcome={value}"}


def _end(admin_site: AdminSite, request: HttpRequest, experiment: Experiment) -> HttpResponse:
    if not may(request.user, MAY_CHANGE, experiment):
        raise PermissionDenied
    if experiment.status == Experiment.Status.DRAFT or getattr(experiment, "decision", None):
        return _nothing_to_decide(request, experiment)
    may_promote = may(request.user, "experiments.change_slot", experiment.slot)
    form = EndForm(
        request.POST if request.method == "POST" else None,
        initial={"outcome": request.GET.get("outcome", ""), "promotes": may_promote},
        experiment=experiment,
        may_promote=may_promote,
    )
    if "HX-Request" in request.headers and request.method == "GET":
        effect = effect_of(
            experiment, request.GET.get("outcome", ""), promotes="promotes" in request.GET
        )
        return render(request, "admin/experiments/end_effect.html", {"effect": effect})
    if request.method == "POST" and form.is_valid():
        done = _decide(request, experiment, form)
        if done is not None:
            return done
    return _form_page(admin_site, request, experiment, form)


def _form_page(
    admin_site: AdminSite, request: HttpRequest, experiment: Experiment, form: EndForm
) -> HttpResponse:
    full = full_report(experiment=experiment, now=timezone.now())
    suggested = suggestion_of(full)
    value = form["outcome"].value() or (
        f"{suggested.outcome}:{suggested.arm}" if suggested.arm else suggested.outcome
    )
    is_live = experiment.status in Experiment.LIVE_STATUSES
    context = {
        **admin_site.each_context(request),
        "title": _("End the test") if is_live else _("Decision"),
        "opts": Experiment._meta,
        "experiment": experiment,
        "is_live": is_live,
        "verdict": full.verdict,
        "form": form,
        "options": options_of(full, chosen=value),
        "effect": effect_of(experiment, value, promotes=bool(form["promotes"].value())),
        "default_cta": experiment.slot.default_cta_id,
        "report_url": url_of("report", experiment),
        "end_url": url_of("end", experiment),
    }
    return render(request, "admin/experiments/end.html", context)


def _decide(request: HttpRequest, experiment: Experiment, form: EndForm) -> HttpResponse | None:
    """Do what a valid form asks for; return None, with the faults in the form, if it cannot be."""
    occasion = Occasion(now=timezone.now(), author=request.user)
    try:
        is_done = end_test(experiment=experiment, choice=form.choice(), occasion=occasion)
    except CannotDecideError as error:
        for reason in error.reasons:
            form.add_error(None, reason)
        # The page shows the default as it is now.
        experiment.slot.refresh_from_db(fields=["default_cta"])
        return None
    if not is_done:
        return _nothing_to_decide(request, experiment)
    messages.success(request, _("The decision is stored."))
    return _go_on(request, experiment, form.cleaned_data["next_step"])


def _go_on(request: HttpRequest, experiment: Experiment, step: str) -> HttpResponse:
    if step == "follow_up":
        return _draft_follow_up(request, experiment)
    if step == "archive":
        archive_experiment(experiment=experiment, now=timezone.now(), author=request.user)
    return HttpResponseRedirect(url_of("report", experiment))


def _nothing_to_decide(request: HttpRequest, experiment: Experiment) -> HttpResponse:
    if experiment.status == Experiment.Status.DRAFT:
        messages.error(request, _("This test has not started: there is nothing to decide."))
    else:
        messages.info(request, _("This test has its decision already."))
    return HttpResponseRedirect(url_of("report", experiment))


def _undo(request: HttpRequest, pk: int) -> HttpResponse:
    experiment = _to_change(request, pk)
    if experiment is None:
        return HttpResponseNotAllowed(["POST"])
    if not may(request.user, "experiments.change_slot", experiment.slot):
        raise PermissionDenied
    occasion = Occasion(now=timezone.now(), author=request.user)
    try:
        if undo_promotion(experiment=experiment, occasion=occasion):
            text = _("“%(cta)s” is shown to everybody again.")
            cta = experiment.decision.replaced_cta
            messages.success(request, text % {"cta": cta})
        else:
            messages.info(request, _("There is no promotion to undo."))
    except CannotUndoError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(url_of("report", experiment))


def _follow_up(request: HttpRequest, pk: int) -> HttpResponse:
    experiment = _to_change(request, pk)
    if experiment is None:
        return HttpResponseNotAllowed(["POST"])
    if not may(request.user, "experiments.add_experiment", experiment.slot):
        raise PermissionDenied
    return _draft_follow_up(request, experiment)


def _draft_follow_up(request: HttpRequest, experiment: Experiment) -> HttpResponse:
    """Make the draft of a test of the runner-up, and lead to it."""
    now = timezone.now()
    decision = getattr(experiment, "decision", None)
    arms = {variant.arm: variant for variant in experiment.variants.all()}
    kept = decision.winner.arm if decision and decision.winner else 0
    rival = runner_up(report_of(experiment=experiment, now=now), kept=kept)
    if rival is None:
        messages.error(request, _("No other arm has figures: there is no runner-up to test."))
        return HttpResponseRedirect(url_of("report", experiment))
    try:
        draft = follow_up_experiment(
            experiment=experiment, kept=arms[kept], rival=arms[rival], now=now
        )
    except AlreadyDraftedError as error:
        messages.info(request, str(error))
        return HttpResponseRedirect(url_of("change", error.draft))
    plan_new_draft(request, draft)
    by = replace(author_of(request), way=Way.COPY, note=experiment.name)
    log_edit(draft, before=[], by=by)
    names = names_of(experiment)
    text = _("Draft created: “%(rival)s” against “%(kept)s”. Review it, then start it.")
    values = {"rival": names[arms[rival].pk], "kept": names[arms[kept].pk]}
    messages.success(request, text % values)
    return HttpResponseRedirect(url_of("change", draft))


def _to_change(request: HttpRequest, pk: int) -> Experiment | None:
    """Return the experiment that a posted request changes; None for another method.

    Raises:
        PermissionDenied: If the role is too low.
    """
    experiment = readable_experiment(request, pk)
    if not may(request.user, MAY_CHANGE, experiment):
        raise PermissionDenied
    return experiment if request.method == "POST" else None
