"""Annotations by people on the days of an experiment."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment


class Annotation(models.Model):
    """A sentence about a day of an experiment, such as "The sale began"."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="annotations")
    day = models.DateField(_("day"))
    text = models.CharField(_("text"), max_length=300)
    created_at = models.DateTimeField(_("created"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
    )

    class Meta:
        verbose_name = _("annotation")
        verbose_name_plural = _("annotations")
        ordering = ("day", "pk")

    def __str__(self) -> str:
        return f"{self.day} {self.text}"
