"""Pages of long work: rank wordings, train the predictor, watch a job."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments import tasks
from experiments.admin.base import SiteRowsAdmin
from experiments.admin.cta_preview import draw_findings
from experiments.admin.editing.edit_history import author_of
from experiments.admin.experiment_pages import url_of
from experiments.admin.importing.wording_lab import (
    chosen_in_lab,
    lab_view,
    list_context,
    list_response,
    typed_list,
)
from experiments.admin.reporting.report import plan_new_draft, warn_about_plan
from experiments.models import Audience, Job, Site, Slot, Upload
from experiments.selectors import catalogue, permissions
from experiments.services.documents.report_files import MEDIA_TYPES
from experiments.services.edits.edit_log import log_edit
from experiments.services.learning.jobs import (
    AlreadyTrainingError,
    cancel_job,
    create_job,
    keep_answer,
)
from experiments.services.learning.learning_curve import REQUEST, curve_in_words
from experiments.services.learning.past_predictions import drift_of, past_predictions
from experiments.services.learning.ranking import rank_at_once
from experiments.services.learning.ranking_presentation import ranking_in_words, training_in_words
from experiments.services.learning.ranking_tables import FORMATS, Format, ranking_file
from experiments.services.learning.wording_lab import MOST_WORDINGS
from experiments.services.lifecycle.drafts import (
    AlreadyDraftedError,
    DraftingError,
    draft_experiment,
)
from experiments.services.monitoring.standstill import no_worker_runs
from ml import predict

ADD_JOB = "experiments.add_job"
# A draft brings its CTAs: both need the same role.
DRAFT = "experiments.add_experiment"


class RankForm(forms.Form):
    control = forms.CharField(
        label=_("Current wording"),
        max_length=predict.PAGE_LENGTH,
        help_text=_("The control: what the others have to beat."),
    )
    wordings = forms.CharField(
        label=_("New wordings"),
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One per line."),
    )
    locale = forms.ChoiceField(
        label=_("Language of the wordings"), choices=(("fr", _("French")), ("en", _("English")))
    )
    audience = forms.ModelChoiceField(
        label=_("Audience"),
        queryset=Audience.objects.none(),
        required=False,
        empty_label=_("Every visitor"),
    )
    slot = forms.ModelChoiceField(
        label=_("Slot"),
        queryset=Slot.objects.none(),
        required=False,
        empty_label=_("Not decided yet"),
        help_text=_(
            "Where they would appear: its position and the form of its CTA are taken into account."
        ),
    )

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sites = sites
        offer(self.fields["audience"], catalogue.audiences_of(sites=sites))
        offer(self.fields["slot"], catalogue.slots_of(sites=sites))

    def site(self) -> Site | None:
        """Return the site of what was chosen, or the only one there is; None if it is open."""
        chosen = self.cleaned_data["slot"] or self.cleaned_data["audience"]
        if chosen:
            return cast("Site", chosen.site)
        first = list(self.sites[:2])
        return first[0] if len(first) == 1 else None

    def clean_wordings(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["wordings"].splitlines()]
        wordings = list(dict.fromkeys(line for line in lines if line))
        if len(wordings) > predict.PAGE_WORDINGS:
            raise forms.ValidationError(
                _("At most %(most)s wordings.") % {"most": predict.PAGE_WORDINGS}
            )
        too_long = [text for text in wordings if len(text) > predict.PAGE_LENGTH]
        if too_long:
            text = _("Longer than %(most)s characters: %(text)s…")
            raise forms.ValidationError(
                text % {"most": predict.PAGE_LENGTH, "text": too_long[0][:40]}
            )
        return wordings


class DraftForm(forms.Form):
    slot = forms.ModelChoiceField(label=_("Slot"), queryset=Slot.objects.none())

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self.fields["slot"], catalogue.slots_of(sites=sites))


def offer(field: forms.Field, rows: QuerySet[Any]) -> None:
    """Let a field of a form choose among these rows."""
    cast("forms.ModelChoiceField[Any]", field).queryset = rows


def _request_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a ranking is asked for, as a job keeps it."""
    audience, slot = data["audience"], data["slot"]
    return {
        "control": data["control"],
        "wordings": data["wordings"],
        "locale": data["locale"],
        "audience": audience.key if audience else "",
        "form": slot.default_cta.form if slot else "",
        "placement": slot.position if slot else "",
        "slot_pk": slot.pk if slot else None,
    }


@admin.register(Job)
class JobAdmin(SiteRowsAdmin[Job]):
    """Rankings of one's sites; trainings, which read every site, for those with a role on each."""

    list_display = ("watch_link", "status", "person", "created_at", "finished_at")
    list_filter = ("kind", "status")
    list_display_links = None
    list_select_related = ("created_by",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        if obj is None:
            return super().has_view_permission(request)
        return self.get_queryset(request).filter(pk=obj.pk).exists()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "experiments_job_changelist"
        light = rows.annotate(only=F("request__only")).defer("request", "result")
        return light if is_list else rows  # A list of wordings may have a megabyte.

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("rank/", self.rank_view, "experiments_job_rank"),
            ("lab/", self.lab_view, "experiments_job_lab"),
            ("train/", self.train_view, "experiments_job_train"),
            ("<int:pk>/watch/", self.watch_view, "experiments_job_watch"),
            ("<int:pk>/draft/", self.draft_view, "experiments_job_draft"),
            ("<int:pk>/stop/", self.stop_view, "experiments_job_stop"),
            ("<int:pk>/again/", self.again_view, "experiments_job_again"),
        )
        own = [
            path(route, self.admin_site.admin_view(view), name=name) for route, view, name in pages
        ]
        return [*own, *super().get_urls()]

    @admin.display(description=_("job"))
    def watch_link(self, job: Job) -> SafeString:
        name = job.curve_title if vars(job).get("only") == REQUEST["only"] else job
        return format_html('<a href="{}">{}</a>', _watch_url(job), name)

    @admin.display(description=_("started by"), ordering="created_by")
    def person(self, job: Job) -> str:
        return str(job.created_by or "-")

    def rank_view(self, request: HttpRequest) -> HttpResponse:
        if not permissions.may(request.user, ADD_JOB):
            return HttpResponse(status=403)
        sites = permissions.sites_where(request.user, ADD_JOB)
        form = RankForm(request.POST or None, sites=sites, initial=chosen_in_lab(request))
        if request.method == "POST" and form.is_valid():
            return self._rank(request, _request_of(form.cleaned_data), form.site())
        may_train = permissions.may(request.user, permissions.TRAIN)
        past = past_predictions(sites=form.sites)
        context = {
            "form": form,
            "past_predictions": past,
            "drift": drift_of(past),
            "predictor": predict.active_summary(),
            "may_train": may_train,
            "may_import": permissions.may(request.user, permissions.IMPORT[Upload.Kind.HISTORY]),
            "no_worker": no_worker_runs(now=timezone.now()),
        }
        return self._page(request, "admin/experiments/rank.html", _("Rank wordings"), context)

    def lab_view(self, request: HttpRequest) -> HttpResponse:
        """Take a long list of wordings, which a worker sorts."""
        if not permissions.may(request.user, ADD_JOB):
            return HttpResponse(status=403)
        sites = list(permissions.sites_where(request.user, ADD_JOB)[:2])
        site = sites[0] if len(sites) == 1 else None
        found = lab_view(request, lambda job: self._enqueue(request, Job.Kind.RANKING, job, site))
        if isinstance(found, HttpResponse):
            return found
        found |= {"predictor": predict.active_summary(), "most": MOST_WORDINGS}
        found["no_worker"] = no_worker_runs(now=timezone.now())
        return self._page(request, "admin/experiments/lab.html", _("Wording lab"), found)

    def train_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not permissions.may(request.user, permissions.TRAIN):
            return HttpResponse(status=403)
        asked = request.POST.get("only") == REQUEST["only"]
        return self._enqueue(request, Job.Kind.TRAINING, dict(REQUEST) if asked else {}, None)

    def watch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self._found(request, pk, without=("request",))
        file_format = request.GET.get("format", "")
        typed = typed_list(job)
        is_list = typed is not None
        if job.result and is_list and file_format in FORMATS:
            return list_response(job, request.GET, file_format)
        if job.result and job.kind == Job.Kind.RANKING and file_format in FORMATS:
            return _file_of(job, cast("Format", file_format))
        is_open = job.status in (Job.Status.QUEUED, Job.Status.RUNNING)
        context: dict[str, Any] = {"job": job, "is_open": is_open, "result": None, "curve": None}
        context["no_worker"] = is_open and no_worker_runs(now=timezone.now())
        context["may_rank"] = job.kind == Job.Kind.RANKING and _may_rank(request, job)
        if is_list:
            context |= {"typed": typed, "longest": predict.PAGE_LENGTH}
        if job.kind == Job.Kind.IMPORT:
            pass  # Its counts are on the page of the import.
        elif job.is_curve:
            context["curve"] = curve_in_words(job.result) if job.result else {}
        elif job.result and job.kind == Job.Kind.TRAINING:
            context["result"] = training_in_words(cast("predict.TrainingOutcome", job.result))
        elif job.result and is_list:
            context |= list_context(job, request.GET.dict())
        elif job.result:
            context["result"] = _with_drawn_checks(ranking_in_words(job.result, job.request))
            initial = {"slot": job.request.get("slot_pk")}
            sites = permissions.sites_where(request.user, DRAFT)
            context["draft"] = DraftForm(initial=initial, sites=sites)
            context["may_draft"] = permissions.may(request.user, DRAFT)
        return self._page(request, "admin/experiments/job.html", job.title, context)

    def draft_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a draft experiment of the wordings that were chosen on the page of a ranking."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._found(request, pk)
        if job.kind != Job.Kind.RANKING or job.request.get("is_list"):
            raise Http404
        sites = permissions.sites_where(request.user, DRAFT)
        if not (sites.filter(pk=job.site_id) if job.site_id else sites).exists():
            return HttpResponse(status=403)
        form = DraftForm(request.POST, sites=sites)
        key = job.request.get("audience", "")
        try:
            if not form.is_valid():
                raise DraftingError(gettext("Choose the slot to test them on."))
            slot = form.cleaned_data["slot"]
            experiment = draft_experiment(
                slot=slot,
                texts=request.POST.getlist("wording"),
                locale=job.request["locale"],
                audience=Audience.objects.filter(site=slot.site_id, key=key).first(),
                now=timezone.now(),
            )
        except AlreadyDraftedError as error:
            self.message_user(request, str(error), messages.INFO)
            return HttpResponseRedirect(url_of("change", error.draft))
        except DraftingError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(_watch_url(job))
        plan_new_draft(request, experiment)
        log_edit(experiment, before=[], by=author_of(request))
        warn_about_plan(request, experiment)
        text = gettext("Draft created. Check its arms, then start it from its report.")
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(url_of("change", experiment))

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._found(request, pk)
        needed = permissions.TRAIN if job.kind == Job.Kind.TRAINING else ADD_JOB
        is_own = job.created_by_id == request.user.pk
        if not (permissions.may(request.user, needed, job) or is_own):
            return HttpResponse(status=403)
        if cancel_job(pk=pk, now=timezone.now()):
            self.message_user(request, gettext("Stopped."), messages.SUCCESS)
        else:
            self.message_user(request, gettext("It had ended already."), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:experiments_job_watch", args=[pk]))

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Rank what a job that failed or was stopped has kept: nobody types it a second time."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        job = self._found(request, pk)
        if not _may_rank(request, job):
            return HttpResponse(status=403)
        if job.kind != Job.Kind.RANKING:
            raise Http404
        if job.status not in (Job.Status.FAILED, Job.Status.CANCELLED):
            text = gettext("Only a ranking that failed or was stopped is tried again.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(_watch_url(job))
        return self._enqueue(request, Job.Kind.RANKING, job.request, job.site)

    def _found(self, request: HttpRequest, pk: int, *, without: tuple[str, ...] = ()) -> Job:
        rows = self.get_queryset(request).select_related("created_by", "site")
        return get_object_or_404(rows.defer(*without), pk=pk)

    def _rank(
        self, request: HttpRequest, job_request: dict[str, Any], site: Site | None
    ) -> HttpResponse:
        """Show the ranking at once; a worker does it where no scoring service runs."""
        job_request["site"] = site.key if site else None
        ranking = rank_at_once(job_request)
        if ranking is None:
            return self._enqueue(request, Job.Kind.RANKING, job_request, site)
        user = request.user if request.user.is_authenticated else None
        job = keep_answer(
            kind=Job.Kind.RANKING, request=job_request, result=ranking, by=user, site=site
        )
        return HttpResponseRedirect(_watch_url(job))

    def _enqueue(
        self, request: HttpRequest, kind: Job.Kind, job_request: dict[str, Any], site: Site | None
    ) -> HttpResponse:
        user = request.user if request.user.is_authenticated else None
        try:
            job = create_job(kind=kind, request=job_request, by=user, now=timezone.now(), site=site)
        except AlreadyTrainingError:
            text = gettext("A training or a learning curve is running already.")
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:experiments_job_changelist"))
        # The worker must find the row.
        transaction.on_commit(lambda: tasks.do_job.delay(job.pk))
        return HttpResponseRedirect(_watch_url(job))

    def _page(
        self, request: HttpRequest, template: str, title: Any, context: dict[str, Any]
    ) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return render(request, template, {**shared, **context})


def _may_rank(request: HttpRequest, job: Job) -> bool:
    """Return whether a person may rank as this job did; one of no site is its author's."""
    return permissions.may(request.user, ADD_JOB, job if job.site_id else None)


def _watch_url(job: Job) -> str:
    return reverse("admin:experiments_job_watch", args=[job.pk])


def _file_of(job: Job, file_format: Format) -> HttpResponse:
    content = ranking_file(job.result or {}, job.request, file_format=file_format)
    name = f"ranking-{job.pk}.{file_format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=MEDIA_TYPES[file_format], headers=headers)


def _with_drawn_checks(ranking: dict[str, Any]) -> dict[str, Any]:
    for row in ranking["wordings"]:
        row["drawn_checks"] = draw_findings(row["checks"])
        row["n_faults"] = sum(each["level"] in ("fault", "advice") for each in row["checks"])
    return ranking
