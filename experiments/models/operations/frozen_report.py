"""Frozen versions of reports, and the links that show one to people without an account."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment


class FrozenReport(models.Model):
    """A report as it was at a moment: what others may cite. Never changed.

    `content` is the report's JSON as text, and `digest` its SHA-256 in hexadecimal digits. Days are
    those of the first exposures that were counted.
    """

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="frozen_reports")
    frozen_at = models.DateTimeField(_("frozen"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
    )
    note = models.TextField(_("note"), blank=True)
    first_day = models.DateField(_("first day"), null=True)
    last_day = models.DateField(_("last day"), null=True)
    visitors = models.PositiveBigIntegerField(_("visitors"), default=0)
    code_version = models.CharField(_("version of the code"), max_length=64)
    digest = models.CharField(_("hash"), max_length=64)
    content = models.TextField(_("content"))

    class Meta:
        verbose_name = _("frozen report")
        verbose_name_plural = _("frozen reports")
        ordering = ("-frozen_at", "-pk")

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.digest[:12]}"


class ShareLink(models.Model):
    """A link that shows one frozen report without a log-in, until it expires or is revoked.

    Only a digest of its secret is kept. `password` is as Django's hashers write it; empty for none.
    """

    frozen = models.ForeignKey(FrozenReport, models.CASCADE, related_name="links")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    password = models.CharField(_("password"), max_length=128, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
    )
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("share link")
        verbose_name_plural = _("share links")
        ordering = ("-created_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")),
                name="share_link_ends_after_its_start",
            ),
        )

    def __str__(self) -> str:
        return f"{self.frozen_id} {self.created_at}"
