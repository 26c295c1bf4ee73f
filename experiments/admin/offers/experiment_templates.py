"""Templates of experiments: the page that saves one, and their list."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from experiments.admin.base import SiteRowsAdmin
from experiments.admin.experiment_pages import readable_experiment, url_of
from experiments.models import Experiment, ExperimentTemplate
from experiments.selectors.permissions import may
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.drafting.experiment_templates import save_as_template, template_in_words

NAME = "experiments_experiment_template"
ADD = "experiments.add_experimenttemplate"
LONGEST = 200


class NameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the template"), max_length=LONGEST)


@admin.register(ExperimentTemplate)
class ExperimentTemplateAdmin(SiteRowsAdmin[ExperimentTemplate]):
    """Saved from experiments; here they are renamed, used and removed."""

    list_display = ("name", "site", "audience", "use_link", "saved_at")
    list_filter = ("site",)
    list_select_related = ("site", "audience")
    search_fields = ("name",)
    fields = ("name", "site", "audience", "holds", "saved_at")
    readonly_fields = ("site", "audience", "holds", "saved_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("holds"))
    def holds(self, template: ExperimentTemplate) -> SafeString:
        return format_html_join("", "<p>{}</p>", ((one,) for one in template_in_words(template)))

    @admin.display(description=_("new experiment"))
    def use_link(self, template: ExperimentTemplate) -> SafeString:
        page = reverse("admin:experiments_experiment_new")
        text = gettext("Begin with it")
        return format_html('<a href="{}?template={}">{}</a>', page, template.pk, text)


def template_urls(admin_site: AdminSite) -> list[URLPattern]:
    def save(request: HttpRequest, pk: int) -> HttpResponse:
        found = readable_experiment(request, pk)
        return _save(admin_site, request, found)

    return [path("<int:pk>/template/", admin_site.admin_view(save), name=NAME)]


def template_url(request: HttpRequest, experiment: Experiment) -> str:
    """Return the page that saves the experiment as a template; empty without permission."""
    if not may(request.user, ADD, experiment):
        return ""
    return reverse(f"admin:{NAME}", args=[experiment.pk])


def _save(admin_site: AdminSite, request: HttpRequest, experiment: Experiment) -> HttpResponse:
    if not may(request.user, ADD, experiment):
        raise PermissionDenied
    form = NameForm(request.POST or None, initial={"name": experiment.name})
    if request.method == "POST" and form.is_valid() and _saved(request, experiment, form):
        return HttpResponseRedirect(reverse("admin:experiments_experimenttemplate_changelist"))
    context = {
        **admin_site.each_context(request),
        "title": _("Save as a template"),
        "opts": Experiment._meta,
        "experiment": experiment,
        "form": form,
        "report_url": url_of("report", experiment),
    }
    return render(request, "admin/experiments/offers/save_template.html", context)


def _saved(request: HttpRequest, experiment: Experiment, form: NameForm) -> bool:
    """Store it, or add its faults to the form."""
    name = form.cleaned_data["name"]
    try:
        save_as_template(experiment=experiment, name=name, now=timezone.now())
    except CannotSaveError as error:
        for field, texts in error.errors.items():
            for text in texts:
                form.add_error("name" if field in ("name", "") else None, text)
        return False
    messages.success(request, gettext("Template “%(name)s” saved.") % {"name": name})
    return True
