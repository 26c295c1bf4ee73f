"""The wizard: one page from the slot to a live test, kept as typed."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.base import MOST_DIGITS
from experiments.admin.editing.row_checks import SCHEDULE_FAULTS
from experiments.admin.experiment_pages import url_of
from experiments.admin.workflow.approvals import approval_offer
from experiments.admin.workflow.wizard_form import (
    WizardForm,
    as_data,
    content_of_post,
    with_line,
    with_template,
)
from experiments.admin.workflow.wizard_parts import (
    live_context,
    page_context,
    prediction_context,
)
from experiments.models import Experiment, ExperimentTemplate, TypedExperiment
from experiments.selectors import catalogue
from experiments.selectors.permissions import may, sites_where
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.drafting.keeping import keep, open_row
from experiments.services.drafting.starting import Way, finish
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import CannotScheduleError, moment_is_over

NAME = "experiments_experiment_new"
ADD = "experiments.add_experiment"
FOLDER = "admin/experiments/wizard"
DONE = {
    Way.START: gettext_lazy("The test is live."),
    Way.SCHEDULE: gettext_lazy("The test starts by itself at the planned time."),
    Way.ASK: gettext_lazy("A second person can approve it now."),
    Way.KEEP: gettext_lazy("Draft created. Check its arms, then start it from its report."),
}


def wizard_urls(admin_site: AdminSite) -> list[URLPattern]:
    def new(request: HttpRequest) -> HttpResponse:
        return _Wizard(admin_site, request).answer()

    return [path("new/", admin_site.admin_view(new), name=NAME)]


class _Wizard:
    """One request to the page."""

    def __init__(self, admin_site: AdminSite, request: HttpRequest) -> None:
        self.admin_site = admin_site
        self.request = request
        self.sites = sites_where(request.user, ADD)
        self.now = timezone.now()

    def answer(self) -> HttpResponse:
        if not may(self.request.user, ADD):
            raise PermissionDenied
        if self.request.method != "POST":
            return self._shown()
        typed = self._typed()
        made = typed.experiment
        if made is not None:
            # The second click of two: the first has made it.
            return self._leave(made)
        return self._taken(typed)

    def _shown(self) -> HttpResponse:
        typed = open_row(person=self.request.user, now=self.now)
        content = dict(typed.content)
        if "template" in self.request.GET:
            content = self._begun_with(self._template(self.request.GET["template"]), content)
        slot = self.request.GET.get("slot", "") or self._only_slot(content)
        if slot:
            content["slot"] = [slot]
        return self._page(typed, WizardForm(as_data(content), sites=self.sites), is_new=True)

    def _only_slot(self, content: dict[str, Any]) -> str:
        """Return the slot to begin with where there is one only, and none is chosen."""
        if any(content.get("slot", ())):
            return ""
        field: Any = WizardForm(as_data({}), sites=self.sites).fields["slot"]
        first = list(field.queryset[:2])
        return str(first[0].pk) if len(first) == 1 else ""

    def _begun_with(
        self, template: ExperimentTemplate | None, content: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the fields with those of a template; the slot of another site is dropped."""
        filled = with_template(content, template)
        form = WizardForm(as_data(content), sites=self.sites)
        if template and form.chosen and form.chosen.site_id != template.site_id:
            filled.pop("slot")
        return filled

    def _template(self, number: str) -> ExperimentTemplate | None:
        rows = catalogue.templates_of(sites=self.sites)
        return rows.filter(pk=number).first() if _is_key(number) else None

    def _typed(self) -> TypedExperiment:
        """Return the row that the page was made of, or what the person types now."""
        number = self.request.POST.get("typed", "")
        own = TypedExperiment.objects.select_related("experiment__slot__site")
        row = (
            own.filter(person=self.request.user.pk, pk=number).first() if _is_key(number) else None
        )
        return row or open_row(person=self.request.user, now=self.now)

    def _taken(self, typed: TypedExperiment) -> HttpResponse:
        """Keep the posted content, then carry out the action of the button."""
        post = self.request.POST
        content = content_of_post(post)
        tag, _colon, text = post.get("add", "").partition(":")
        if text:
            content = with_line(content, tag, text)
        if post.get("action") == "discard":
            content = {}
        if post.get("action") == "template":
            content = with_template(content, self._template(post.get("template_choice", "")))
        if post.get("part") == "prediction":
            return self._predicted(content)
        keep(typed=typed, content=content, now=self.now)
        if "HX-Request" in self.request.headers:
            return self._live(typed)
        ways = {str(way): way for way in Way}
        way = ways.get(post.get("action", ""))
        if way is None:
            return HttpResponseRedirect(f"{reverse(f'admin:{NAME}')}#what")
        return self._finished(typed, way)

    def _predicted(self, content: dict[str, Any]) -> HttpResponse:
        """Return the predictions of what is typed; the page asks by itself, so nothing is kept."""
        form = WizardForm(as_data(content), sites=self.sites)
        unanswered = self.request.POST.get("unanswered", "")
        context = prediction_context(
            self.request, form, unanswered=int(unanswered) if _is_key(unanswered) else 0
        )
        context["new_url"] = reverse(f"admin:{NAME}")
        return render(self.request, f"{FOLDER}/predictions.html", context)

    def _live(self, typed: TypedExperiment) -> HttpResponse:
        context = self._in_zone(self._form(typed), live_context)
        response = render(self.request, f"{FOLDER}/live.html", context)
        # The slot of which the page was made.
        shown = self.request.POST.get("shown", "")
        if typed.content.get("slot", [""]) != [shown]:
            # Another slot has other languages, audiences and neighbours. The address loses the
            # slot or template that it began with: it would come before what is chosen now.
            response.headers["HX-Redirect"] = reverse(f"admin:{NAME}")
        return response

    def _finished(self, typed: TypedExperiment, way: Way) -> HttpResponse:
        form = self._form(typed)
        zone = form.chosen.site.zone if form.chosen else None
        with timezone.override(zone):
            if way is Way.SCHEDULE and form.is_valid():
                self._check_start(form)
            if form.is_valid() and self._made(typed, form, way):
                typed.refresh_from_db()
        if typed.experiment is None:
            return self._page(typed, form)
        messages.success(self.request, DONE[way])
        return self._leave(typed.experiment)

    def _check_start(self, form: WizardForm) -> None:
        starts_at = form.cleaned_data["starts_at"]
        if not starts_at:
            form.add_error("starts_at", _("Choose when it starts."))
        elif moment_is_over(starts_at, kept=None, now=self.now):
            form.add_error("starts_at", SCHEDULE_FAULTS["starts_at"])

    def _made(self, typed: TypedExperiment, form: WizardForm, way: Way) -> bool:
        note = form.cleaned_data["approval_note"] if way is Way.ASK else ""
        occasion = Occasion(now=self.now, author=self.request.user, note=note)
        try:
            finish(typed=typed, choices=form.choices(), way=way, occasion=occasion)
        except CannotStartError as error:
            for reason in error.reasons:
                form.add_error(None, reason)
        except CannotScheduleError as error:
            form.add_error(error.field, SCHEDULE_FAULTS[error.field])
        except CannotSaveError as error:
            for text in error.sentences:
                form.add_error(None, text)
        else:
            return True
        return False

    def _leave(self, experiment: Experiment) -> HttpResponse:
        return HttpResponseRedirect(url_of("report", experiment))

    def _form(self, typed: TypedExperiment) -> WizardForm:
        return WizardForm(as_data(typed.content), sites=self.sites)

    def _in_zone(self, form: WizardForm, part: Any) -> dict[str, Any]:
        with timezone.override(form.chosen.site.zone if form.chosen else None):
            found: dict[str, Any] = part(form)
        return {**found, "form": form}

    def _page(
        self, typed: TypedExperiment, form: WizardForm, *, is_new: bool = False
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(self.request),
            "title": _("New experiment"),
            "opts": Experiment._meta,
            "typed": typed,
            "shows_faults": not is_new,
            "new_url": reverse(f"admin:{NAME}"),
            "advanced_url": reverse("admin:experiments_experiment_add"),
            **self._in_zone(form, page_context),
            **self._in_zone(form, live_context),
            **(approval_offer(self.request, form.chosen.site) if form.chosen else {}),
        }
        return render(self.request, f"{FOLDER}/page.html", context)


def _is_key(text: str) -> bool:
    return text.isdecimal() and len(text) < MOST_DIGITS
