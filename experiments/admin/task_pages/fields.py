"""Fields of the pages made for a task: plain widgets, and a key that follows the name."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.utils.translation import gettext_lazy as _

from experiments.services.catalogue.editing import free_slug

# The more special first; each is drawn by the product's own style sheet.
PLAIN: tuple[type[forms.Widget], ...] = (
    forms.CheckboxSelectMultiple,
    forms.RadioSelect,
    forms.NullBooleanSelect,
    forms.SelectMultiple,
    forms.Select,
    forms.Textarea,
    forms.CheckboxInput,
    forms.URLInput,
    forms.NumberInput,
    forms.HiddenInput,
    forms.TextInput,
)
# Height of a field with a list, a line each; a longer one scrolls.
LINES = 4
# What the theme says of the look of its widgets.
THEMED = ("class",)


def make_plain(field: Any) -> Any:
    """Return a field whose widget is Django's own in place of the theme's, which need scripts."""
    widget = field.widget
    if isinstance(widget, RelatedFieldWidgetWrapper):
        widget = widget.widget
    kind = next((one for one in PLAIN if isinstance(widget, one)), None)
    if kind is None or type(widget) is kind:
        return field
    attrs = {name: text for name, text in widget.attrs.items() if name not in THEMED}
    plain: Any = kind(attrs)
    if kind is forms.Textarea:
        plain.attrs["rows"] = LINES
    if isinstance(widget, forms.widgets.Input):
        # A text of a special kind, such as a colour or an address.
        plain.input_type = widget.input_type
    plain.is_required = widget.is_required
    if isinstance(plain, forms.Select | forms.CheckboxSelectMultiple | forms.RadioSelect):
        plain.choices = field.choices
    field.widget = plain
    return field


class KeyFromName(forms.ModelForm[Any]):
    """Form whose key is made of the name where none is typed, and then stays."""

    # Set by the page.
    person: Any = None
    page_url = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "key" in self.fields:
            self.fields["key"].required = False
            self.fields["key"].help_text = _("Left empty: made of the name. It stays after that.")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "key" in self.fields and not data.get("key") and "key" not in self.errors:
            data["key"] = self.instance.key or self._free_key(data)
        return data

    def _free_key(self, data: dict[str, Any]) -> str:
        rows = self._meta.model._default_manager.all()
        if "site" in self.fields:
            rows = rows.filter(site=data.get("site"))
        return free_slug(data.get("name", ""), rows=rows)


def begin_with_only_site(form: forms.ModelForm[Any]) -> None:
    """Choose the site where there is one only; the page then does not ask."""
    field: Any = form.fields.get("site")
    if field is None:
        return
    field.empty_label = _("Choose a site")
    sites = list(field.queryset[:2])
    is_new = form.instance.pk is None
    if len(sites) != 1 or not (is_new or form.instance.site_id == sites[0].pk):
        return
    if is_new:
        form.initial["site"] = sites[0].pk
    field.widget = forms.HiddenInput()
