"""Versions of the trained predictor: one is active, retired ones can be brought back."""

from typing import cast

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ml.scoring.manifest import Manifest


class PredictorVersion(models.Model):
    # Stored; never rename.
    class Status(models.TextChoices):
        # Stored but not promoted: training was interrupted between the two.
        CANDIDATE = "candidate", _("Candidate")
        ACTIVE = "active", _("Active")
        # Formerly active; can be brought back.
        RETIRED = "retired", _("Retired")
        # The gate rejected all strategies: figures without a model.
        REJECTED = "rejected", _("Rejected")

    number = models.PositiveIntegerField(_("number"), unique=True)
    status = models.CharField(_("status"), max_length=10, choices=Status)
    strategy = models.CharField(
        _("strategy"), max_length=40, blank=True, help_text=_("Empty if nothing passed the gate.")
    )
    artifact = models.CharField(
        _("folder"), max_length=200, blank=True, help_text=_("Inside the folder of predictors.")
    )
    manifest = models.JSONField(_("record of the training"), default=dict)
    created_at = models.DateTimeField(_("trained"))

    class Meta:
        verbose_name = _("predictor version")
        verbose_name_plural = _("predictor versions")
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("status",), condition=Q(status="active"), name="predictor_one_active"
            ),
            models.CheckConstraint(
                condition=Q(status="rejected", artifact="", strategy="")
                | (~Q(status="rejected") & ~Q(artifact="") & ~Q(strategy="")),
                name="predictor_stored_unless_rejected",
            ),
        )

    def __str__(self) -> str:
        return str(_("Predictor %(number)s") % {"number": self.number})

    @property
    def training_record(self) -> Manifest:
        """Manifest of the training, with its types."""
        return cast("Manifest", self.manifest)
