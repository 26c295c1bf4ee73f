"""Guardrails and secondary metrics, and the rollups they are computed from."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import METRICS_OF_GOALS, Experiment, Variant
from experiments.models.fields import ExactDecimalField


class Guardrail(models.Model):
    """A metric that may lose no more than a margin against the control."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="guardrails")
    metric = models.CharField(_("metric"), max_length=30, choices=Experiment.Metric)
    goal = models.CharField(
        _("goal"), max_length=100, blank=True, help_text=_("Name of the conversion that counts.")
    )
    margin = models.FloatField(
        _("margin"),
        default=0.02,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("Loss that is tolerated, relative to the control: 0.02 is 2%."),
    )
    higher_is_better = models.BooleanField(_("higher is better"), default=True)

    class Meta:
        verbose_name = _("guardrail")
        verbose_name_plural = _("guardrails")
        ordering = ("experiment", "metric", "goal")
        constraints = (
            models.UniqueConstraint(
                fields=("experiment", "metric", "goal"), name="guardrail_one_a_metric_and_goal"
            ),
            models.CheckConstraint(
                condition=Q(metric="click_rate", goal="")
                | (Q(metric__in=METRICS_OF_GOALS) & ~Q(goal="")),
                name="guardrail_metric_known_and_goal_fits",
                violation_error_message=_("A rate of clicks has no goal; other metrics need one."),
            ),
            models.CheckConstraint(
                condition=Q(margin__gte=0) & Q(margin__lte=1), name="guardrail_margin_range"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_metric_display()} {self.goal}".strip()


class SecondaryMetric(models.Model):
    """A metric that is reported beside the primary one and never decides."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="secondary_metrics")
    metric = models.CharField(_("metric"), max_length=30, choices=Experiment.Metric)
    goal = models.CharField(
        _("goal"), max_length=100, blank=True, help_text=_("Name of the conversion that counts.")
    )

    class Meta:
        verbose_name = _("secondary metric")
        verbose_name_plural = _("secondary metrics")
        ordering = ("experiment", "metric", "goal")
        constraints = (
            models.UniqueConstraint(
                fields=("experiment", "metric", "goal"),
                name="secondary_metric_one_a_metric_and_goal",
            ),
            models.CheckConstraint(
                condition=Q(metric="click_rate", goal="")
                | (Q(metric__in=METRICS_OF_GOALS) & ~Q(goal="")),
                name="secondary_metric_known_and_goal_fits",
                violation_error_message=_("A rate of clicks has no goal; other metrics need one."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_metric_display()} {self.goal}".strip()


class GoalRollup(models.Model):
    """Beside a Rollup of everybody: the same visitors' conversions of a further goal.

    Further goals are those of guardrails and of secondary metrics.
    """

    experiment = models.ForeignKey(
        Experiment, models.CASCADE, related_name="goal_rollups", db_index=False
    )
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="+")
    day = models.DateField(_("day"))
    phase = models.PositiveSmallIntegerField(_("phase"), default=0, db_default=0)
    goal = models.CharField(_("goal"), max_length=100)
    converting_visitors = models.BigIntegerField(_("converting visitors"), default=0)
    value_sum = ExactDecimalField(_("sum of values"), default=0)
    value_sum_squares = ExactDecimalField(_("sum of squared values"), default=0)
    conversion_sum = models.BigIntegerField(_("conversions"), default=0, db_default=0)
    conversion_sum_squares = models.BigIntegerField(
        _("sum of squared conversions of a visitor"), default=0, db_default=0
    )
    value_click_product_sum = ExactDecimalField(_("sum of value times clicks"), default=0)

    class Meta:
        verbose_name = _("rollup of a goal")
        verbose_name_plural = _("rollups of goals")
        ordering = ("experiment", "goal", "day", "phase", "variant")
        constraints = (
            models.UniqueConstraint(
                fields=("experiment", "goal", "variant", "day", "phase"),
                name="goal_rollup_one_a_day_phase_arm_and_goal",
            ),
            models.CheckConstraint(
                condition=Q(converting_visitors__gte=0) & Q(conversion_sum__gte=0) & ~Q(goal=""),
                name="goal_rollup_counts_possible",
            ),
        )

    def __str__(self) -> str:
        return f"{self.variant_id} {self.day} {self.goal}"
