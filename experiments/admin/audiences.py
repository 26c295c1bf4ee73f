"""Pages of audiences: conditions edited as rows or as JSON, and tried on an example visitor."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.admin.base import MOST_DIGITS, LockedWhileLiveAdmin
from experiments.admin.editing.condition_field import ConditionField, ConditionWidget
from experiments.admin.task_pages.audiences import AUDIENCE
from experiments.admin.task_pages.page import WithTaskPage
from experiments.models import Audience
from experiments.selectors.permissions import sites_where
from experiments.services.catalogue.audience_reach import reach_in_words, reach_of
from experiments.services.catalogue.audience_summary import (
    ATTRIBUTES,
    example_visitor,
    summary_of,
)
from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.languages import with_language_ranges
from experiments.targeting.rows import typed
from experiments.targeting.validation import storable


def _tried(fields: Any) -> dict[str, Any]:
    """Return the example visitor: the attributes that were chosen, and others by their lines."""
    chosen = {name: fields.get(f"condition_try_{name}", "").strip() for name in ATTRIBUTES}
    known = {name: typed(text) for name, text in chosen.items() if text}
    return known | example_visitor(fields.get("example", ""))


def _reach(request: HttpRequest, condition: dict[str, Any]) -> str:
    """Return the size of the audience on the site that the form names; empty without one."""
    number = request.POST.get("site", "")
    if not number.isdecimal() or len(number) >= MOST_DIGITS:
        return ""
    sites = sites_where(request.user, "experiments.view_audience")
    site = sites.filter(pk=int(number)).first()
    if site is None:
        return ""
    return reach_in_words(reach_of(site=site, condition=condition, now=timezone.now()))


class AudienceForm(forms.ModelForm[Audience]):
    condition = ConditionField(label=_("Conditions"), required=False)

    class Meta:
        model = Audience
        fields = ("site", "name", "key", "condition")


@admin.register(Audience)
class AudienceAdmin(WithTaskPage, LockedWhileLiveAdmin[Audience]):
    form = AudienceForm
    task = AUDIENCE
    list_display = ("name", "key", "site", "summary")
    list_filter = ("site",)
    search_fields = ("name", "key")
    prepopulated_fields: ClassVar = {"key": ("name",)}
    fields = ("site", "name", "key", "summary", "condition")
    readonly_fields = ("summary",)

    @admin.display(description=_("summary"))
    def summary(self, audience: Audience) -> str:
        return summary_of(storable(audience.condition))

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "check/",
            self.admin_site.admin_view(self.check_view),
            name="experiments_audience_check",
        )
        return [own, *super().get_urls()]

    def check_view(self, request: HttpRequest) -> HttpResponseBase:
        """Tell whether the example visitor would be in, as the condition is being edited."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            return JsonResponse({}, status=403)
        field = ConditionField(required=False)
        content = ConditionWidget().value_from_datadict(request.POST, {}, "condition")
        try:
            condition = field.to_python(content)
        except forms.ValidationError as error:
            return JsonResponse({"is_in": None, "text": error.messages[0]})
        is_in = evaluate_condition(with_language_ranges(condition), _tried(request.POST))
        verdict = gettext("In: would take part.") if is_in else gettext("Not in.")
        answer = {"is_in": is_in, "text": verdict, "summary": summary_of(condition)}
        return JsonResponse(answer | {"reach": _reach(request, condition)})
