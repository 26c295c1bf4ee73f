"""Experiments and CTAs that people are still typing, as their pages keep them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.catalogue import CTA
from experiments.models.experiment import Experiment


class Typed(models.Model):
    """Fields of a page as a person typed them, until something has been made of them."""

    # Field with what was made of it: a second click finds what the first one has made.
    outcome: ClassVar[str]

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    # Names of fields with the list of their values, unchecked.
    content = models.JSONField(default=dict)
    updated_at = models.DateTimeField(_("changed"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.person} {self.updated_at:%Y-%m-%d}"


class TypedExperiment(Typed):
    """Fields of the wizard."""

    outcome = "experiment"

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


class TypedCTA(Typed):
    """Fields of the studio: of a new CTA, or of changes to a stored one."""

    outcome = "made"

    # None: a new one.
    cta = models.ForeignKey(CTA, models.CASCADE, related_name="+", null=True, verbose_name=_("CTA"))
    made = models.OneToOneField(
        CTA, models.CASCADE, related_name="+", null=True, verbose_name=_("CTA")
    )
    # Fields of the stored CTA as the person has seen them: what differs later is somebody else's.
    opened = models.JSONField(default=dict)
    # Fields before the last save and after it, to undo it.
    saved = models.JSONField(null=True)

    class Meta:
        verbose_name = _("CTA being typed")
        verbose_name_plural = _("CTAs being typed")
        constraints = (
            models.UniqueConstraint(
                fields=("person",),
                condition=Q(cta__isnull=True, made__isnull=True),
                name="typed_cta_one_open_a_person",
            ),
            models.UniqueConstraint(fields=("person", "cta"), name="typed_cta_one_a_cta"),
        )
