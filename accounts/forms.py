"""Forms of one's own account."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Preferences


def time_zones() -> list[tuple[str, Any]]:
    """Return the names of the IANA database to choose from, without those of single offsets."""
    names = sorted(name for name in available_timezones() if not name.startswith("Etc/"))
    return [("", _("As the service: UTC")), *((name, name) for name in names)]


class PreferencesForm(forms.ModelForm[Preferences]):
    """Choices of a person about the pages that they read."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zones,
        required=False,
        help_text=_("Times are shown in it, but for those of a site's days. Empty: UTC."),
    )

    class Meta:
        model = Preferences
        fields = ("language", "time_zone", "theme")
        labels = {"language": _("Language"), "theme": _("Appearance")}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("language", "theme"):
            own = [choice for choice in self.fields[name].choices if choice[0]]  # type: ignore[attr-defined]
            self.fields[name].choices = [("", _("As the browser")), *own]  # type: ignore[attr-defined]
