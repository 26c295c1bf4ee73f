"""Experiments that people are still typing, as the wizard keeps them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment


class TypedExperiment(models.Model):
    """Fields of the wizard as a person typed them, until an experiment has been made of them."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    # Names of fields with the list of their values, unchecked.
    content = models.JSONField(default=dict)
    updated_at = models.DateTimeField(_("changed"))
    # A second click finds what the first one has made.
    experiment = models.OneToOneField(
        Experiment, models.CASCADE, related_name="+", null=True, verbose_name=_("experiment")
    )

    class Meta:
        verbose_name = _("experiment being typed")
        verbose_name_plural = _("experiments being typed")
        constraints = (
            models.UniqueConstraint(
                fields=("person",),
                condition=Q(experiment__isnull=True),
                name="typed_experiment_one_open_a_person",
            ),
        )

    def __str__(self) -> str:
        return f"{self.person} {self.updated_at:%Y-%m-%d}"
