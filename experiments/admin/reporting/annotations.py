"""Annotations on the page of a report: the form, the list and what posts to them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.editing.form_values import posted_key
from experiments.admin.experiment_pages import readable_experiment, url_of
from experiments.admin.reporting.refused_forms import keep_refused, refused_form
from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Annotation, Experiment
from experiments.selectors.permissions import ANNOTATE, may
from experiments.services.exploration.annotations import (
    LONGEST_TEXT,
    CannotAnnotateError,
    annotate,
    remove_annotation,
)
from experiments.services.lifecycle.change_log import Occasion


class AnnotationForm(forms.Form):
    """A day and a sentence about it; the service checks both."""

    day = forms.CharField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}))
    text = forms.CharField(label=gettext_lazy("What happened?"), max_length=LONGEST_TEXT)


def annotation_urls(admin_site: AdminSite) -> list[URLPattern]:
    def annotations(request: HttpRequest, pk: int) -> HttpResponse:
        found = readable_experiment(request, pk)
        return _annotations(request, found)

    view = admin_site.admin_view(annotations)
    return [path("<int:pk>/annotations/", view, name="experiments_experiment_annotations")]


def annotation_context(request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
    """Return the form for who may annotate; its day is today."""
    if experiment.started_at is None or not may(request.user, ANNOTATE, experiment):
        return {}
    return {
        "annotations_url": url_of("annotations", experiment),
        "annotation_form": refused_form(request, experiment, "annotation", _form)
        or _form(day=calendar_day(timezone.now(), experiment.zone_of_days).isoformat()),
    }


def _form(typed: Any = None, **initial: str) -> AnnotationForm:
    return AnnotationForm(typed, initial=initial, auto_id="annotation_%s")


def _annotations(request: HttpRequest, experiment: Experiment) -> HttpResponse:
    if request.method != "POST" or not may(request.user, ANNOTATE, experiment):
        raise PermissionDenied
    occasion = Occasion(now=timezone.now(), author=request.user)
    number = request.POST.get("remove", "")
    if number:
        rows = Annotation.objects.filter(experiment=experiment).select_related("experiment")
        row = get_object_or_404(rows, pk=posted_key(number))
        if remove_annotation(annotation=row, occasion=occasion):
            messages.success(request, _("The annotation is removed."))
    else:
        _add(request, experiment, occasion)
    return HttpResponseRedirect(f"{url_of('report', experiment)}#days")


def _add(request: HttpRequest, experiment: Experiment, occasion: Occasion) -> None:
    day, text = request.POST.get("day", ""), request.POST.get("text", "")
    try:
        annotate(experiment=experiment, day=day, text=text, occasion=occasion)
    except CannotAnnotateError as error:
        faults = {field: [sentence] for field, sentence in error.faults.items()}
        keep_refused(request, experiment, "annotation", faults)
