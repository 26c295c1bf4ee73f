"""Experiments and CTAs that people are still typing, and templates that experiments begin with."""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.catalogue import CTA, Audience
from experiments.models.experiment import Experiment
from experiments.models.site import Site


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


class ExperimentTemplate(models.Model):
    """A way to test that was saved from an experiment: its audience, metric, guardrails and plan.

    `content` has the fields of the plan, the guardrails and secondary metrics as rows, the smallest
    lift worth finding, and the look of the control.
    """

    # Keys of `content` and of its rows. Stored; never rename.
    PLAN = (
        *("primary_metric", "goal", "conversion_window_hours", "value_cap", "alpha", "plan"),
        *("planned_visitors", "coverage", "ends_when_planned", "rolls_back", "strict_guardrails"),
    )
    GUARDRAIL = ("metric", "goal", "margin", "higher_is_better")
    SECONDARY = ("metric", "goal")
    LOOK = ("form", "background_color", "text_color", "size", "icon")

    site = models.ForeignKey(Site, models.CASCADE, related_name="+", verbose_name=_("site"))
    name = models.CharField(_("name"), max_length=200)
    # None: every visitor. A template without its audience would be for everybody, so it keeps it,
    # unless the whole site goes.
    audience = models.ForeignKey(
        Audience,
        models.RESTRICT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("audience"),
    )
    content = models.JSONField(default=dict, editable=False)
    saved_at = models.DateTimeField(_("saved"), editable=False)

    class Meta:
        verbose_name = _("template of experiments")
        verbose_name_plural = _("templates of experiments")
        ordering = ("name", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("site", "name"), name="experiment_template_unique_name"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="experiment_template_has_a_name"),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse content that nothing can be built of, such as that of a file made up."""
        try:
            rows = [
                (self.content["plan"], self.PLAN),
                (self.content["look"], self.LOOK),
                *((row, self.GUARDRAIL) for row in self.content["guardrails"]),
                *((row, self.SECONDARY) for row in self.content["secondary"]),
            ]
            is_whole = self.content["lift"] > 0 and all(set(row) == set(keys) for row, keys in rows)
        except (KeyError, TypeError):
            is_whole = False
        if not is_whole:
            raise ValidationError(_("This is no content of a template."))
        if self.audience is not None and self.audience.site_id != self.site_id:
            raise ValidationError({"audience": _("The audience belongs to another site.")})
