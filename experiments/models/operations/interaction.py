"""Interactions that were found between experiments of one site."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment, Variant


class Interaction(models.Model):
    """An arm's lift that another experiment's arm changes, on the primary metric of `experiment`.

    Rows are replaced at every check.
    """

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="interactions")
    arm = models.ForeignKey(Variant, models.CASCADE, related_name="+")
    other_arm = models.ForeignKey(Variant, models.CASCADE, related_name="+")
    factor = models.FloatField(
        _("factor"), help_text="Of the ratio of rates in the other arm, over its control."
    )
    p_value = models.FloatField(_("p-value"), help_text="Adjusted for all tests of the site.")
    visitors = models.BigIntegerField(_("visitors"), help_text="Of both experiments.")
    checked_at = models.DateTimeField(_("checked"))

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        ordering = ("p_value", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("experiment", "arm", "other_arm"), name="interaction_one_a_pair_of_arms"
            ),
            models.CheckConstraint(
                condition=Q(p_value__gte=0) & Q(p_value__lte=1) & Q(factor__gt=0),
                name="interaction_figures_possible",
            ),
        )

    def __str__(self) -> str:
        return f"{self.arm_id} x {self.other_arm_id}"
