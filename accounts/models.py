"""The log of log-ins, of failures and of changes of log-in; preferences of people."""

from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _


def known_time_zone(name: str) -> None:
    """Refuse names outside the IANA database, such as an offset."""
    if name not in available_timezones():
        raise ValidationError(
            _("%(name)s is not a time zone: write a name such as Europe/Paris."),
            params={"name": name},
        )


class LogInRecord(models.Model):
    """One line of the log of log-ins. It is written once, read by superusers, dropped in time."""

    # Stored; never rename.
    class Kind(models.TextChoices):
        LOG_IN = "log_in", _("Log-in")
        FAILURE = "failure", _("Wrong password")
        CODE_FAILURE = "code_failure", _("Wrong second factor")
        LOCK_OUT = "lock_out", _("Locked out for some minutes")
        REFUSAL = "refusal", _("Refused single sign-on")
        LOG_OUT = "log_out", _("Log-out")
        PASSWORD = "password", _("Password set")
        FACTOR_ADDED = "factor_added", _("Second factor added")
        FACTOR_REMOVED = "factor_removed", _("Second factor removed")
        FACTORS_RESET = "factors_reset", _("Second factors reset by somebody else")
        CODES_RENEWED = "codes_renewed", _("Recovery codes renewed")

    at = models.DateTimeField(_("moment"), db_index=True)
    kind = models.CharField(_("what happened"), max_length=20, choices=Kind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="log_in_records",
        verbose_name=_("person"),
        help_text=_("Empty where no account has the name that was typed: it may be a password."),
    )
    method = models.CharField(_("method"), max_length=60, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)

    class Meta:
        verbose_name = _("log-in")
        verbose_name_plural = _("log-ins")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        at = date_format(timezone.localtime(self.at), "DATETIME_FORMAT")
        return f"{at}, {self.get_kind_display()}"


class Preferences(models.Model):
    """Language, time zone and appearance of one person, in every browser and in mails."""

    # Stored; never rename.
    class Theme(models.TextChoices):
        AUTO = "auto", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="preferences"
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=_("Of the pages and of mails. Empty: that of the browser."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=60,
        blank=True,
        validators=[known_time_zone],
        help_text=_("Times are shown in it, but for those of a site's days. Empty: UTC."),
    )
    theme = models.CharField(
        _("appearance"),
        max_length=5,
        blank=True,
        choices=Theme,
        help_text=_("Empty: that of the browser."),
    )

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.language} {self.time_zone} {self.theme}"
