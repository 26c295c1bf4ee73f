"""Checks of forms beside those of the models: dates and shares of a draft, words of a CTA."""

from decimal import Decimal
from typing import Any

from django import forms
from django.forms.models import BaseInlineFormSet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.models import CTAWording, Experiment
from experiments.services.drafting.wordings import markup_fault
from experiments.services.lifecycle.schedules import moment_is_over
from experiments.services.lifecycle.traffic_allocation import sum_fault

# By the field that is at fault.
SCHEDULE_FAULTS = {
    "starts_at": gettext_lazy("This moment is over: choose one that is to come."),
    "ends_at": gettext_lazy("The end must come after the start and after now."),
}


class ExperimentForm(forms.ModelForm[Experiment]):
    """Draft whose planned start and end are to come, in this order."""

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        begin, end = found.get("starts_at"), found.get("ends_at")
        for field, fault in SCHEDULE_FAULTS.items():
            kept = self.initial.get(field)
            if moment_is_over(found.get(field), kept=kept, now=timezone.now()):
                self.add_error(field, fault)
        # An end that is over says so already.
        if begin and end and end <= begin and "ends_at" not in self.errors:
            self.add_error("ends_at", _("The planned end must come after the planned start."))
        return found


class ArmFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Arms of a draft, whose shares add up to 1; a fault is told beside the last of them."""

    def clean(self) -> None:
        super().clean()
        rows = [form for form in self.forms if form not in self.deleted_forms]
        valid = [form.cleaned_data for form in rows if form.is_valid()]
        shares: list[Decimal] = [row["share"] for row in valid if row.get("share") is not None]
        if rows and len(shares) == len(rows) and (fault := sum_fault(shares)):
            rows[-1].add_error("share", fault)


class WordingForm(forms.ModelForm[CTAWording]):
    """A wording without HTML."""

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"])
        if fault := markup_fault(text):
            raise forms.ValidationError(fault)
        return text
