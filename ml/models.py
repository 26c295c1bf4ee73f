"""The registry's rows: every predictor that was trained, and which one is in use."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PredictorVersion(models.Model):
    class Status(models.TextChoices):
        CANDIDATE = "candidate", _("Candidate")
        ACTIVE = "active", _("In use")
        RETIRED = "retired", _("Retired")
        REJECTED = "rejected", _("Rejected by the gate")

    number = models.PositiveIntegerField(_("version"), unique=True)
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.CANDIDATE, editable=False
    )
    strategy = models.CharField(_("strategy"), max_length=50)
    artifact = models.CharField(
        _("artefact"), max_length=200, unique=True, help_text=_("Its folder among the models.")
    )
    manifest = models.JSONField(_("manifest"))
    created_at = models.DateTimeField(_("created"))
    promoted_at = models.DateTimeField(_("last promoted"), null=True)

    class Meta:
        verbose_name = _("predictor version")
        verbose_name_plural = _("predictor versions")
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("status",), condition=Q(status="active"), name="predictor_one_active"
            ),
            models.CheckConstraint(
                condition=Q(status__in=("candidate", "active", "retired", "rejected")),
                name="predictor_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(strategy="") & ~Q(artifact=""), name="predictor_named"
            ),
        )

    def __str__(self) -> str:
        return f"{self.number} ({self.strategy})"
