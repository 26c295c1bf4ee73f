"""Fields of fractions that people type, and read, in per cent."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminTextInputWidget

from experiments.formatting import share

HUNDRED = Decimal(100)
# Fractions are stored with four places.
PLACES = 2


def fraction_of(text: str) -> Decimal:
    """Return a typed percentage, such as 33.33, 33,33 or 33 %, as a fraction.

    Raises:
        ValueError: If it is none.
    """
    try:
        fraction = Decimal("".join(text.replace("%", " ").split()).replace(",", ".")) / HUNDRED
    except ArithmeticError as error:
        raise ValueError(f"{text!r} is no percentage") from error
    if not fraction.is_finite():
        raise ValueError(f"{text!r} is no percentage")
    return fraction


def in_percent(fraction: Decimal) -> str:
    """Return a fraction as it stands in a field: 0.3333 is 33.33."""
    return f"{(fraction * HUNDRED).quantize(Decimal('0.01')).normalize():f}"


def read_in_percent(contents: str) -> str:
    """Return a fraction as a page shows it, 0.2500 or 0,2500, in per cent; other texts stay."""
    try:
        return share(Decimal(contents.replace(",", ".")))
    except ArithmeticError:
        return contents


class InPercent:
    """For pages and inlines with fractions: a label and a help for each that is in per cent."""

    in_percent: ClassVar[Mapping[str, tuple[Any, Any]]] = {}

    @property
    def readonly_preprocess_fields(self) -> dict[str, Callable[[str], str]]:
        """Return how the theme shows these fields to those who may not change them."""
        return dict.fromkeys(self.in_percent, read_in_percent)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.in_percent:
            label, help_text = self.in_percent[db_field.name]
            kwargs |= {"form_class": PercentField, "widget": UnfoldAdminTextInputWidget}
            kwargs |= {"label": label, "help_text": help_text}
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]


class PercentField(forms.Field):
    """A fraction of the database, in per cent on the page; its bounds are fractions, too."""

    widget = forms.TextInput

    def __init__(self, **options: Any) -> None:
        self.least = options.pop("min_value", None) or Decimal(0)
        self.most = options.pop("max_value", None) or Decimal(1)
        for name in ("max_digits", "decimal_places", "localize"):
            options.pop(name, None)
        super().__init__(**options)

    def to_python(self, value: Any) -> Decimal | None:
        if value in self.empty_values:
            return None
        if isinstance(value, Decimal):
            return value
        try:
            fraction = fraction_of(str(value))
        except ValueError as error:
            raise forms.ValidationError(_("Write a percentage, such as 33 or 33.33.")) from error
        exponent = (fraction * HUNDRED).normalize().as_tuple().exponent
        if isinstance(exponent, int) and -exponent > PLACES:
            raise forms.ValidationError(_("Write at most two decimals, such as 33.33."))
        if not self.least <= fraction <= self.most:
            text = _("Write a percentage from %(least)s to %(most)s.")
            ends = {"least": self.least, "most": self.most}
            shown = {name: number_format(in_percent(end)) for name, end in ends.items()}
            raise forms.ValidationError(text % shown)
        return fraction

    def prepare_value(self, value: Any) -> Any:
        return in_percent(value) if isinstance(value, Decimal) else value

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "inputmode": "decimal"}
