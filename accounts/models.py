"""The log of log-ins: who came in, who did not, and what changed about how they come in."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


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
        return f"{self.at:%Y-%m-%d %H:%M} {self.get_kind_display()}"
