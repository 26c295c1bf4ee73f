"""Values of a form's fields as a browser sends them, and as people read them.

Two states of a row are compared, and merged, by the names that its form has in a request.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.forms import BaseForm, BoundField, CheckboxInput, ModelChoiceField, MultiWidget, Widget
from django.utils.translation import gettext as _

# By the name in the request; a field may send several values, or none.
Values = dict[str, list[str]]


# Digits of a key that a database takes.
MOST_DIGITS = 18


def posted_key(text: str | None) -> int:
    """Return the key of a row that a request names; 0, which no row has, where it names none."""
    if not text or not (text.isascii() and text.isdecimal()) or len(text) >= MOST_DIGITS:
        return 0
    return int(text)


def values_of(form: BaseForm, formsets: Iterable[Any] = ()) -> Values:
    """Return what an untouched form would send, with the rows of its inlines."""
    found: Values = {}
    for bound in _fields(form, formsets):
        value = form_value(bound)
        found |= sent_by(bound.field.widget, bound.html_name, value)
    return found


def form_value(bound: BoundField) -> Any:
    """Return the stored value of a field, regardless of the posted one."""
    return bound.field.prepare_value(bound.initial)


def sent_by(widget: Widget, name: str, value: Any) -> Values:
    """Return what a widget sends for a value, by name."""
    if isinstance(widget, RelatedFieldWidgetWrapper):
        widget = widget.widget
    if isinstance(widget, MultiWidget):
        parts = value if isinstance(value, list | tuple) else widget.decompress(value) or ()
        suffixes: list[str] = widget.widgets_names  # type: ignore[attr-defined]  # not in the stubs
        found: Values = {}
        for suffix, part, one in zip(suffixes, widget.widgets, parts, strict=False):
            found |= sent_by(part, name + suffix, one)
        return found
    if isinstance(widget, CheckboxInput):
        return {name: ["on"] if widget.check_test(value) else []}
    shown = widget.format_value(value)
    texts = shown if isinstance(shown, list | tuple) else [shown]
    return {name: ["" if one is None else str(one) for one in texts]}


def same(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether values are the same: browsers send line ends of their own."""
    return [_plain(text) for text in one] == [_plain(text) for text in other]


def labels_of(form: BaseForm, formsets: Iterable[Any] = ()) -> dict[str, str]:
    """Return the labels of all names; those of inlines with the number of their row."""
    found = {}
    for bound in _fields(form, formsets):
        owner = bound.form
        row = ""
        if owner is not form:
            number = int(str(owner.prefix).rpartition("-")[2]) + 1
            row = f"{owner._meta.model._meta.verbose_name} {number}: "  # type: ignore[attr-defined]
        for name in sent_by(bound.field.widget, bound.html_name, form_value(bound)):
            found[name] = row + str(bound.label)
    return found


def in_words(form: BaseForm, formsets: Iterable[Any], values: Mapping[str, list[str]]) -> Values:
    """Return values as people read them: choices and rows by their names."""
    fields = {bound.html_name: bound.field for bound in _fields(form, formsets)}
    return {name: [_word(fields.get(name), one) for one in sent] for name, sent in values.items()}


def _word(field: Any, value: str) -> str:
    if isinstance(field, ModelChoiceField):
        queryset = field.queryset
        row = (
            queryset.filter(pk=value).first()
            if queryset is not None and value.isdecimal()
            else None
        )
        return field.label_from_instance(row) if row is not None else value
    if isinstance(getattr(field, "widget", None), CheckboxInput):
        return _("yes")
    if hasattr(field, "in_words"):
        return str(field.in_words(value))
    choices = {str(key): str(label) for key, label in getattr(field, "choices", ())}
    return choices.get(value, value)


def _fields(form: BaseForm, formsets: Iterable[Any]) -> Iterator[BoundField]:
    yield from form
    for formset in formsets:
        # Rows that are not stored yet are nobody else's.
        for row in formset.initial_forms:
            yield from (bound for bound in row if bound.name not in ("DELETE", *_keys(formset)))


def _keys(formset: Any) -> tuple[str, str]:
    return formset.model._meta.pk.name, formset.fk.name


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
