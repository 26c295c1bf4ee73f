"""Pages of experiments: settings and arms, the report, the steps from draft to archive."""

from dataclasses import replace
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.forms import BaseInlineFormSet, Form
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from experiments.admin import traffic
from experiments.admin.archive.calendar import calendar_urls
from experiments.admin.archive.like import like_urls
from experiments.admin.base import OfSites, ServedModelAdmin, in_time_zone_of_site, link_to
from experiments.admin.editing.edit_history import author_of
from experiments.admin.editing.percent_fields import InPercent, read_in_percent
from experiments.admin.editing.row_checks import SCHEDULE_FAULTS, ArmFormSet, ExperimentForm
from experiments.admin.experiment_pages import readable_experiment, url_of
from experiments.admin.forms import GuardrailForm
from experiments.admin.offers.aa_test import aa_urls
from experiments.admin.offers.experiment_templates import template_url, template_urls
from experiments.admin.reporting.report import (
    plan_new_draft,
    report_page_context,
    report_urls,
    warn_about_plan,
)
from experiments.admin.workflow.approvals import approval_context, approval_urls
from experiments.admin.workflow.end_of_test import decision_context, end_urls
from experiments.admin.workflow.status_actions import FIT_MARGINS, RESUME, STEPS, WAYS_ON
from experiments.admin.workflow.wizard import wizard_urls
from experiments.models import Experiment, Guardrail, SecondaryMetric, Variant
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.edits.edit_log import Way, log_edit
from experiments.services.edits.object_history import Line
from experiments.services.insights.draft_planning import fit_margins
from experiments.services.lifecycle import drafts, readiness
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.schedules import CannotScheduleError
from experiments.services.lifecycle.traffic_allocation import CannotChangeError
from experiments.services.operations.auto_rollback import reason_in_words
from experiments.services.reporting.end_of_test import decision_in_words, names_of
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.plan_messages import cap_hint

Status = Experiment.Status


class DraftInline(OfSites, TabularInline):  # type: ignore[misc]
    """Rows that belong to an experiment's plan: they change with a draft only."""

    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_editable(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_editable(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_editable(obj) and bool(super().has_delete_permission(request, obj))


class VariantInline(InPercent, DraftInline):
    model = Variant
    formset = ArmFormSet
    min_num = 2
    in_percent: ClassVar = {"share": (_("Share, in %"), _("All shares add up to 100."))}
    fields = ("arm", "key", "cta", "share")
    autocomplete_fields = ("cta",)


class GuardrailFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Guardrails of a draft, none of them on its primary metric."""

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            if form in self.deleted_forms or not form.cleaned_data:
                continue
            fault = readiness.primary_guardrail_fault(self.instance, form.instance)
            if fault is not None:
                form.add_error("metric", fault)


class GuardrailInline(DraftInline):
    model = Guardrail
    form = GuardrailForm
    formset = GuardrailFormSet
    fields = ("metric", "goal", "margin", "higher_is_better")
    readonly_preprocess_fields: ClassVar = {"margin": read_in_percent}


class SecondaryMetricInline(DraftInline):
    model = SecondaryMetric
    fields = ("metric", "goal")


def _is_editable(experiment: Experiment | None) -> bool:
    return experiment is None or experiment.status == Status.DRAFT


@admin.register(Experiment)
class ExperimentAdmin(InPercent, ServedModelAdmin[Experiment]):
    in_percent: ClassVar = {
        "coverage": (
            _("Coverage, in %"),
            _("Share of the audience in the test: 100 is everybody."),
        ),
        "namespace_start": (_("Start in the namespace, in %"), ""),
        "namespace_end": (_("End in the namespace, in %"), ""),
    }
    form = ExperimentForm
    inlines = (VariantInline, GuardrailInline, SecondaryMetricInline)
    list_display = ("name", "state", "decided", "slot", "audience", "started_at", "report_link")
    list_filter = ("status", "slot__site", "slot", "tags", "owner", "plan", "origin")
    search_fields = ("name", "key", "hypothesis", "slot__name", "slot__key")
    prepopulated_fields: ClassVar = {"key": ("name",)}
    autocomplete_fields = ("slot", "audience", "tags")
    actions = ("duplicate",)
    # Drafts first, the newest of them on top; both databases put the same rows there.
    ordering = (F("started_at").desc(nulls_first=True), "-pk")
    fieldsets = (
        (None, {"fields": ("name", "key", "hypothesis", "slot", "audience", "tags")}),
        (
            _("Plan"),
            {
                "fields": (
                    "primary_metric",
                    ("goal", "conversion_window_hours"),
                    "value_cap",
                    "plan",
                    "planned_visitors",
                    "alpha",
                    "coverage",
                    "strict_guardrails",
                )
            },
        ),
        (
            _("Course"),
            {
                "fields": ("starts_at", "ends_at", "ends_when_planned", "rolls_back"),
                "description": _(
                    "Times are in the time zone of the site. Ramp, preview links and history: on"
                    " the page “Traffic and previews”, which the report leads to."
                ),
            },
        ),
        (
            _("Keeping apart from other experiments"),
            {
                "classes": ("collapse",),
                "fields": ("namespace", ("namespace_start", "namespace_end"), "seed"),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        rows: QuerySet[Experiment] = super().get_queryset(request)
        rows = rows.select_related("slot__site", "audience", "decision")
        return rows.prefetch_related("variants__cta__wordings")

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Experiment | None = None
    ) -> dict[str, Any]:
        # A read-only form has no field to fill.
        return self.prepopulated_fields if _is_editable(obj) else {}

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, *args, **kwargs)
        cap = form.base_fields.get("value_cap")
        if obj is not None and cap is not None and (hint := cap_hint(obj)):
            cap.help_text = f"{cap.help_text} {hint}"
        return form

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Only a draft can change: what visitors meet stays as it was planned."""
        return _is_editable(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_editable(obj) and bool(super().has_delete_permission(request, obj))

    def page_of(self, row: Experiment) -> str:
        return url_of("report", row)

    def further_lines(self, request: HttpRequest, row: Experiment) -> list[Line]:
        return traffic.history_lines(row)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return self._history_view(request, object_id)

    @in_time_zone_of_site
    def _history_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return super().history_view(request, object_id)

    def reasons_to_keep(self, row: Experiment) -> list[str]:
        if _is_editable(row):
            return []
        return [gettext("%(experiment)s is no draft: it may have visitors.") % {"experiment": row}]

    @in_time_zone_of_site
    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return super().changeform_view(request, object_id, *args, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            plan_new_draft(request, form.instance)
        rails = [row for part in formsets if part.model is Guardrail for row in part.forms]
        left_open = [row.instance.pk for row in rails if row.leaves_margin_to_plan]
        if left_open:
            fit_margins(form.instance, now=timezone.now(), only=left_open)
        warn_about_plan(request, form.instance)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<int:pk>/report/",
                self.admin_site.admin_view(self.report_view),
                name="experiments_experiment_report",
            ),
            path(
                "<int:pk>/traffic/",
                self.admin_site.admin_view(self.traffic_view),
                name="experiments_experiment_traffic",
            ),
            path(
                "<int:pk>/step/<slug:name>/",
                self.admin_site.admin_view(self.step_view),
                name="experiments_experiment_step",
            ),
        ]
        pages = [
            *wizard_urls(self.admin_site),
            *aa_urls(self.admin_site),
            *template_urls(self.admin_site),
            *calendar_urls(self.admin_site),
            *end_urls(self.admin_site),
            *approval_urls(self.admin_site),
            *report_urls(self.admin_site),
            *like_urls(self.admin_site),
        ]
        return [*own, *pages, *super().get_urls()]

    @display(  # type: ignore[untyped-decorator]
        description=_("status"),
        # Every status has one: the theme shows the code of a status without.
        label={
            Status.DRAFT: "default",
            Status.RUNNING: "success",
            Status.PAUSED: "warning",
            Status.STOPPED: "info",
            Status.ARCHIVED: "default",
        },
    )
    def state(self, experiment: Experiment) -> tuple[str, str]:
        return experiment.status, experiment.get_status_display()

    @admin.display(description=_("decision"))
    def decided(self, experiment: Experiment) -> str:
        decision = getattr(experiment, "decision", None)
        if decision is not None:
            return decision_in_words(decision, names=names_of(experiment))
        is_finished = experiment.status in Experiment.FINISHED_STATUSES
        return gettext("Not decided yet") if is_finished else "-"

    @admin.display(description=_("report"))
    def report_link(self, experiment: Experiment) -> SafeString:
        return format_html('<a href="{}">{}</a>', url_of("report", experiment), gettext("Report"))

    @admin.action(description=_("Duplicate as new drafts"), permissions=["add"])
    def duplicate(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> None:
        self.refuse_unless_all(request, "add", queryset)
        for experiment in queryset:
            copy = drafts.duplicate_experiment(experiment=experiment, now=timezone.now())
            plan_new_draft(request, copy)
            by = replace(author_of(request), way=Way.COPY, note=experiment.name)
            log_edit(copy, before=[], by=by)
            text = gettext("Draft “%(name)s” created.")
            self.message_user(request, link_to(copy, text % {"name": copy.name}))

    @in_time_zone_of_site
    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        experiment = readable_experiment(request, pk)
        counts = StoredCounts(experiment)
        full = full_report(experiment=experiment, now=timezone.now(), counts=counts)
        return render(
            request,
            "admin/experiments/report.html",
            {
                **self.admin_site.each_context(request),
                "title": experiment.name,
                "opts": self.opts,
                **report_page_context(request, full, counts),
                **decision_context(request, full),
                **approval_context(request, experiment),
                "steps": self._steps(request, experiment),
                "fit_margins_url": self._fit_margins_url(request, experiment),
                "rolled_back_arms": traffic.rolled_back_arms(experiment),
                "edit_url": url_of("change", experiment),
                "template_url": template_url(request, experiment),
                "traffic_url": url_of("traffic", experiment),
                "history_url": url_of("history", experiment),
                "rollback_reason": reason_in_words(experiment.rollback_reason)
                if experiment.rollback_reason
                else "",
                "json_url": reverse("experiment-report", args=[experiment.key]),
            },
        )

    @in_time_zone_of_site
    def traffic_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        experiment = readable_experiment(request, pk)
        may_change = self.may(request, "change", experiment)
        name = request.POST.get("form", "")
        page_forms = traffic.forms_of(experiment, name, request.POST) if may_change else {}
        if request.method == "POST" and "page" not in request.POST:
            if name not in page_forms:
                return HttpResponse(status=403)
            if self._apply(request, experiment, name, page_forms[name]):
                return HttpResponseRedirect(url_of("traffic", experiment))
        context = {
            **self.admin_site.each_context(request),
            **traffic.traffic_context(request, experiment),
            "title": experiment.name,
            "opts": self.opts,
            "forms": page_forms,
            "may_change": may_change,
            "report_url": url_of("report", experiment),
            "edit_url": url_of("change", experiment),
            "resume_url": url_of("step", experiment, RESUME.name),
        }
        return render(request, "admin/experiments/traffic.html", context)

    def _apply(self, request: HttpRequest, experiment: Experiment, name: str, form: Form) -> bool:
        """Apply what was posted, or add its faults to the form."""
        if not form.is_valid():
            return False
        try:
            occasion = Occasion(now=timezone.now(), author=request.user)
            traffic.apply(experiment, name, form, occasion)
        except CannotChangeError as error:
            for reason in error.reasons:
                form.add_error(None, reason)
        except CannotScheduleError as error:
            form.add_error(error.field, SCHEDULE_FAULTS[error.field])
        return form.is_valid()

    @in_time_zone_of_site
    def step_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        experiment = readable_experiment(request, pk)
        step = STEPS.get(name)
        if step is None or not self.may(request, "change", experiment):
            return HttpResponse(status=403 if step else 404)
        try:
            if not step.run(experiment=experiment, now=timezone.now(), author=request.user):
                text = gettext("Not possible while the experiment is in state “%(state)s”.")
                state = experiment.get_status_display()
                self.message_user(request, text % {"state": state}, messages.ERROR)
        except readiness.CannotStartError as error:
            for reason in error.reasons:
                self.message_user(request, reason, messages.ERROR)
        return HttpResponseRedirect(url_of("report", experiment))

    def _fit_margins_url(self, request: HttpRequest, experiment: Experiment) -> str:
        """Return where the guardrails of a draft get other margins; empty without permission."""
        if not self.has_change_permission(request, experiment):
            return ""
        return url_of("step", experiment, FIT_MARGINS.name)

    def _steps(self, request: HttpRequest, experiment: Experiment) -> list[dict[str, Any]]:
        if not self.may(request, "change", experiment):
            return []
        return [
            {
                "label": step.label,
                "url": url_of("step", experiment, step.name),
            }
            for step in WAYS_ON[Status(experiment.status)]
        ]
