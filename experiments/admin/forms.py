"""Form fields for columns that hold lists."""

from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminColorInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from experiments.admin.editing.percent_fields import PercentField, in_percent
from experiments.models import CTA, Guardrail, Site
from experiments.models.site import MOST_HELD_OUT
from experiments.models.validators import default_time_zone
from experiments.selectors.reports import goals_of
from experiments.services.reporting.holdout import LONGEST_DAYS


class LinesField(forms.Field):
    """A list of texts, one a line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(self.prepare_value(initial)) != self.to_python(data)


class SiteForm(forms.ModelForm[Site]):
    allowed_origins = LinesField(
        label=_("Allowed origins"),
        required=False,
        help_text=_("One per line, such as https://shop.example. Empty: any origin."),
    )
    internal_networks = LinesField(
        label=_("Internal networks"),
        required=False,
        help_text=_(
            "Address ranges of your own staff, one per line, such as 192.0.2.0/24: their events "
            "are kept, but left out of the analysis."
        ),
    )
    internal_visitors = LinesField(
        label=_("Internal visitors"),
        required=False,
        help_text=_(
            "ID prefixes of your own staff, one per line, such as staff-: their events are kept, "
            "but left out of the analysis."
        ),
    )

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(name, name) for name in sorted(available_timezones())],
        initial=default_time_zone,
        widget=UnfoldAdminSelectWidget,
        help_text=_(
            "Schedules, times on pages and the days of reports are in it. An experiment keeps the"
            " zone in which it was started."
        ),
    )

    holdout = PercentField(
        label=_("Holdout, in %"),
        initial=Decimal(0),
        max_value=MOST_HELD_OUT,
        widget=UnfoldAdminTextInputWidget,
        help_text=_(
            "Part of the visitors kept out of all experiments, such as 5. They show what the tests"
            " have brought altogether. Best set once, before the first experiment."
        ),
    )

    class Meta:
        model = Site
        fields = (
            "key",
            "name",
            "address",
            "default_locale",
            "brand_background_color",
            "brand_text_color",
            "allowed_origins",
            "internal_networks",
            "internal_visitors",
            "needs_receipts",
            "values_need_server",
            "holdout",
            "holdout_seed",
            "minimum_visitors",
            "minimum_conversions",
            "minimum_days",
            "time_zone",
            "former_id_attribute",
            "teaches_others",
            "needs_approval",
        )
        widgets: ClassVar = {
            "brand_background_color": UnfoldAdminColorInputWidget,
            "brand_text_color": UnfoldAdminColorInputWidget,
        }


class CTAForm(forms.ModelForm[CTA]):
    principles = forms.MultipleChoiceField(
        label=_("Principles"),
        choices=CTA.Principle.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("The persuasion principles it uses."),
    )

    class Meta:
        model = CTA
        fields = (
            "site",
            "name",
            "form",
            "destination",
            "background_color",
            "text_color",
            "size",
            "icon",
            "principles",
            "tags",
        )
        widgets: ClassVar = {
            "background_color": UnfoldAdminColorInputWidget,
            "text_color": UnfoldAdminColorInputWidget,
        }


class HoldoutForm(forms.Form):
    """Goal and days of a readout of the holdout."""

    days = forms.IntegerField(label=_("Days back"), initial=28, min_value=1, max_value=LONGEST_DAYS)

    def __init__(self, *args: Any, site: Site, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(goal, goal) for goal in goals_of(site)]
        self.fields["goal"] = forms.ChoiceField(
            label=_("Goal"), choices=choices, widget=UnfoldAdminSelectWidget
        )


class GuardrailForm(forms.ModelForm[Guardrail]):
    """Guardrail of a draft, whose margin may be left to the plan."""

    margin = PercentField(
        label=_("Margin, in %"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_(
            "Loss that is tolerated, relative to the control, such as 2. Empty: the smallest that"
            " the plan can exclude, and at least 2%."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaves_margin_to_plan = False
        if self.instance._state.adding:
            self.initial["margin"] = None
        elif (margin := self.initial.get("margin")) is not None:
            self.initial["margin"] = Decimal(str(margin))

    def clean_margin(self) -> float:
        margin: Decimal | None = self.cleaned_data["margin"]
        self.leaves_margin_to_plan = margin is None
        if margin is None:
            return float(Guardrail._meta.get_field("margin").default)
        stored: float | None = self.instance.margin
        # A margin of the plan may be finer than what the field shows.
        is_as_shown = stored is not None and in_percent(Decimal(str(stored))) == in_percent(margin)
        return stored if stored is not None and is_as_shown else float(margin)
