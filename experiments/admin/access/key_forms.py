"""Forms about keys: a new one with its scopes, a rotation with its overlap, a revocation."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminIntegerFieldWidget

from experiments.models import ServerKey
from experiments.selectors import access
from experiments.services.catalogue.server_keys import LONGEST_OVERLAP, USUAL_SCOPES, Grant

LONGEST_LIFE_DAYS = 3650


def _life_field() -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Expires after days"),
        required=False,
        min_value=1,
        max_value=LONGEST_LIFE_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Empty: never. You are warned two weeks before."),
    )


def _overlap_field(initial: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Days for which the old key goes on"),
        min_value=0,
        max_value=LONGEST_OVERLAP.days,
        initial=initial,
        help_text=_("0 ends it at once."),
    )


def _end(days: int | None, now: datetime) -> datetime | None:
    return None if days is None else now + timedelta(days=days)


class ServerKeyForm(forms.ModelForm[ServerKey]):
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=ServerKey.Scope.choices,
        initial=USUAL_SCOPES,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Give a key what its program needs, and no more."),
    )
    days = _life_field()

    class Meta:
        model = ServerKey
        fields = ("site", "name", "scopes")

    def clean(self) -> dict[str, Any]:
        """Refuse the name of another valid key: in the history both would look the same."""
        data: dict[str, Any] = super().clean() or {}
        site, name = data.get("site"), data.get("name")
        if site and name and access.has_key_of_name(site=site, name=name, now=timezone.now()):
            self.add_error("name", _("The site has a valid key of this name."))
        return data

    def grant(self, now: datetime) -> Grant:
        """Return the scopes and the end that were chosen."""
        return Grant(
            scopes=self.cleaned_data["scopes"], expires_at=_end(self.cleaned_data["days"], now)
        )


class RotateServerKeyForm(forms.Form):
    overlap = _overlap_field(7)
    days = _life_field()

    def overlap_and_end(self, now: datetime) -> tuple[timedelta, datetime | None]:
        """Return the overlap, and the expiry of the successor."""
        overlap = timedelta(days=self.cleaned_data["overlap"])
        return overlap, _end(self.cleaned_data["days"], now)


class RotateClientKeyForm(forms.Form):
    overlap = _overlap_field(90)


class RevokeForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, help_text=_("For the history of access.")
    )
