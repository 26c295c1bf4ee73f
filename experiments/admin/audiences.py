"""Pages of audiences: conditions edited as rows or as JSON, and tried on an example visitor."""

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse_lazy
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.admin.base import MOST_DIGITS, LockedWhileLiveAdmin
from experiments.models import Audience
from experiments.models.validators import condition_validator
from experiments.selectors.permissions import sites_where
from experiments.services.catalogue.audience_reach import reach_in_words, reach_of
from experiments.services.catalogue.audience_summary import (
    ATTRIBUTES,
    OPERATORS,
    example_visitor,
    summary_of,
    value_lists,
)
from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.languages import with_language_ranges
from experiments.targeting.rows import (
    ALL,
    ANY,
    PRESENCE,
    ConditionRow,
    Rows,
    condition_of,
    rows_of,
    typed,
)
from experiments.targeting.validation import storable

CUSTOM = "*"
# Example visitor at first.
TRIED = {"device": "mobile", "new_visitor": "true", "path": "/"}
IN_ROWS, IN_JSON = "rows", "json"
SPARE_ROWS = 1
Content = dict[str, Any]


class ConditionWidget(forms.Widget):
    """Rows of attribute, operator and value; or the condition as it is stored."""

    class Media:
        # After the page is there: the theme puts scripts into its head.
        js = (forms.Script("experiments/audience.js", defer=True),)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Content:
        rows = [
            {"attribute": attribute, "custom": custom, "operator": operator, "value": value}
            for attribute, custom, operator, value in zip(
                *(data.getlist(f"{name}_{part}") for part in PARTS), strict=False
            )
        ]
        return {
            "mode": data.get(f"{name}_mode", IN_ROWS),
            "match": data.get(f"{name}_match", ALL),
            "rows": rows,
            "json": data.get(f"{name}_json", ""),
        }

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}_mode" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        content = value if isinstance(value, dict) and "mode" in value else content_of(value or {})
        spare = [{"attribute": "locale", "custom": "", "operator": "is", "value": ""}]
        context = {
            "name": name,
            "content": content,
            "rows": [*content["rows"], *spare * SPARE_ROWS],
            "attributes": ATTRIBUTES,
            "operators": OPERATORS,
            "custom": CUSTOM,
            "match_all": ALL,
            "match_any": ANY,
            "in_rows": IN_ROWS,
            "in_json": IN_JSON,
            "lists": value_lists(),
            "tried": [(key, label, TRIED.get(key, "")) for key, label in ATTRIBUTES.items()],
            "check_url": reverse_lazy("admin:experiments_audience_check"),
        }
        # Escaped by the template.
        return mark_safe(render_to_string("admin/experiments/condition.html", context))  # noqa: S308


PARTS = ("attribute", "custom", "operator", "value")


class ConditionField(forms.Field):
    widget = ConditionWidget

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> dict[str, Any]:
        try:
            condition = _condition(value)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        condition_validator(condition)
        return condition

    def validate(self, value: Any) -> None:
        """Nothing: an empty condition is everybody."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.to_python(data))
        except forms.ValidationError:
            return True


def content_of(condition: dict[str, Any]) -> Content:
    """Return how a stored condition is shown: by rows where it has any."""
    condition = storable(condition)
    rows = rows_of(condition)
    return {
        "mode": IN_JSON if rows is None else IN_ROWS,
        "match": ALL if rows is None else rows.match,
        "rows": [_row_content(row) for row in rows.rows] if rows else [],
        "json": json.dumps(condition, indent=2, ensure_ascii=False) if condition else "",
    }


def _row_content(row: ConditionRow) -> dict[str, str]:
    is_known = row.attribute in ATTRIBUTES
    return {
        "attribute": row.attribute if is_known else CUSTOM,
        "custom": "" if is_known else row.attribute,
        "operator": row.operator,
        "value": row.value,
    }


def _condition(content: Content) -> dict[str, Any]:
    """Return the condition that was edited, in the way that was in use."""
    if content["mode"] == IN_JSON:
        try:
            condition: dict[str, Any] = json.loads(content["json"].strip() or "{}")
        except (ValueError, RecursionError) as error:
            raise ValueError(
                gettext("This is not valid JSON: %(fault)s") % {"fault": error}
            ) from error
        return condition
    rows = [_row(row) for row in content["rows"] if not _is_blank(row)]
    return condition_of(Rows(match=content["match"], rows=tuple(rows)))


def _is_blank(row: dict[str, str]) -> bool:
    return not (row["value"].strip() or row["custom"].strip() or row["operator"] in PRESENCE)


def _row(row: dict[str, str]) -> ConditionRow:
    is_custom = row["attribute"] == CUSTOM
    name = row["custom"].strip() if is_custom else row["attribute"]
    value = "" if row["operator"] in PRESENCE else row["value"]
    return ConditionRow(attribute=name, operator=row["operator"], value=value)


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
class AudienceAdmin(LockedWhileLiveAdmin[Audience]):
    form = AudienceForm
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
