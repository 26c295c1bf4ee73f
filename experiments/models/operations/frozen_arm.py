"""Hourly evidence that a cache has frozen one arm of an experiment."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment, Variant


class CacheWatch(models.Model):
    """The evidence of one experiment so far, and the alarm it raised.

    An alarm stays until a person dismisses it.
    """

    experiment = models.OneToOneField(Experiment, models.CASCADE, related_name="cache_watch")
    checked_until = models.DateTimeField(_("checked until"))
    evidence = models.FloatField(_("evidence"), default=0.0, help_text="Natural logarithm.")
    alarmed_at = models.DateTimeField(_("alarm"), null=True)
    arm = models.ForeignKey(
        Variant, models.CASCADE, related_name="+", verbose_name=_("frozen arm"), null=True
    )
    fraction = models.FloatField(_("part of the visitors"), null=True)
    visitors = models.PositiveBigIntegerField(_("new visitors in the hour of the alarm"), default=0)
    in_arm = models.PositiveBigIntegerField(_("of these in the frozen arm"), default=0)

    class Meta:
        verbose_name = _("watch over caches")
        verbose_name_plural = _("watches over caches")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(alarmed_at__isnull=True) | models.Q(arm__isnull=False),
                name="cache_alarm_names_the_arm",
            ),
        )

    def __str__(self) -> str:
        return str(self.experiment_id)
