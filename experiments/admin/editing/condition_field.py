"""Field of a condition: rows that are chosen from lists, or JSON where a page offers it."""

import json
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from experiments.models.validators import condition_validator
from experiments.services.catalogue.audience_summary import (
    ATTRIBUTES,
    OPERATORS,
    summary_of,
    value_lists,
)
from experiments.targeting.rows import (
    ALL,
    ANY,
    PRESENCE,
    ConditionRow,
    Rows,
    condition_of,
    rows_of,
)
from experiments.targeting.validation import storable

CUSTOM = "*"
# Example visitor at first.
TRIED = {"device": "mobile", "new_visitor": "true", "path": "/"}
IN_ROWS, IN_JSON = "rows", "json"
SPARE_ROWS = 1
# By what JSON fails that is no condition: no JSON, a number or a list, or nested past all sense.
UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)
Content = dict[str, Any]


class ConditionWidget(forms.Widget):
    """Rows of attribute, operator and value; or the condition as it is stored."""

    use_fieldset = True

    class Media:
        # After the page is there: the theme puts scripts into its head.
        js = (forms.Script("experiments/audience.js", defer=True),)

    def __init__(self, *, offers_json: bool = True) -> None:
        super().__init__()
        self.offers_json = offers_json

    def format_value(self, value: Any) -> str:
        """Return a condition as one text: two states of it are compared by it."""
        return json.dumps(storable(value or {}), sort_keys=True, ensure_ascii=False)

    def joined(self, data: Any, name: str) -> str | None:
        """Return what was typed as one text; None if it cannot be read."""
        if self.value_omitted_from_data(data, {}, name):
            return None
        try:
            return self.format_value(_condition(self._typed(data, name)))
        except UNREADABLE:
            return None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Content:
        """Return what was typed, or the whole condition that a merge has put in its place."""
        try:
            return content_of(json.loads(data[name]))
        except (KeyError, *UNREADABLE):
            return self._typed(data, name)

    def _typed(self, data: Any, name: str) -> Content:
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
        if not self.offers_json:
            content = _in_rows_if_possible(content)
        spare = [{"attribute": "locale", "custom": "", "operator": "is", "value": ""}]
        context = {
            "name": name,
            "content": content,
            "offers_json": self.offers_json,
            "summary": _summary(content) if content["mode"] == IN_JSON else "",
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

    def in_words(self, text: str) -> str:
        """Return a condition that is one text as people read it."""
        return summary_of(json.loads(text)) if text else ""

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


def _in_rows_if_possible(content: Content) -> Content:
    """Return a condition that was typed as JSON by rows, where lists can express it."""
    try:
        shown = content_of(_condition(content)) if content["mode"] == IN_JSON else content
    except UNREADABLE:
        return content
    return content if shown["mode"] == IN_JSON else shown


def _summary(content: Content) -> str:
    """Return a condition in JSON in words; empty if it cannot be read."""
    try:
        return summary_of(storable(_condition(content)))
    except UNREADABLE:
        return ""


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
