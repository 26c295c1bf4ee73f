"""Additive sufficient statistics, a row a day, phase, arm and segment."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from experiments.models.events import Exclusion
from experiments.models.experiment import Experiment, Variant
from experiments.models.fields import ExactDecimalField


class Rollup(models.Model):
    """Counts of the visitors whose first exposure fell on this day and phase, one arm.

    Days are those of the experiment's time zone. The row with an empty segment counts everybody. A
    visitor counts once more in each segment that the first exposure names, so rows of different
    segments must not be added up.
    """

    experiment = models.ForeignKey(
        Experiment, models.CASCADE, related_name="rollups", db_index=False
    )
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="rollups")
    day = models.DateField(_("day"))
    phase = models.PositiveSmallIntegerField(
        _("phase"), default=0, db_default=0, help_text=_("Number of the phase of the shares.")
    )
    segment = models.CharField(
        _("segment"),
        max_length=40,
        blank=True,
        help_text=_("Empty: everybody. Else such as device=mobile."),
    )
    visitors = models.BigIntegerField(_("visitors"), default=0)
    clicking_visitors = models.BigIntegerField(_("clicking visitors"), default=0)
    converting_visitors = models.BigIntegerField(_("converting visitors"), default=0)
    value_sum = ExactDecimalField(_("sum of values"), default=0)
    value_sum_squares = ExactDecimalField(_("sum of squared values"), default=0)
    capped_visitors = models.BigIntegerField(
        _("visitors with values above the cap"), default=0, db_default=0
    )
    # Of the clicks and conversions in the conversion window: several of a visitor count.
    click_sum = models.BigIntegerField(_("clicks"), default=0, db_default=0)
    click_sum_squares = models.BigIntegerField(
        _("sum of squared clicks of a visitor"), default=0, db_default=0
    )
    conversion_sum = models.BigIntegerField(_("conversions"), default=0, db_default=0)
    conversion_sum_squares = models.BigIntegerField(
        _("sum of squared conversions of a visitor"), default=0, db_default=0
    )
    value_click_product_sum = ExactDecimalField(_("sum of value times clicks"), default=0)
    repeated_orders = models.BigIntegerField(
        _("repeated orders"), default=0, db_default=0, help_text=_("Left out of the analysis.")
    )
    covariate_sum = ExactDecimalField(
        _("sum of covariates"),
        default=0,
        help_text=_("The primary metric in the 14 days before the first exposure."),
    )
    covariate_sum_squares = ExactDecimalField(_("sum of squared covariates"), default=0)
    covariate_product_sum = ExactDecimalField(
        _("sum of covariate times outcome"), default=0, help_text=_("Of the primary metric.")
    )
    covariate_click_product_sum = ExactDecimalField(_("sum of covariate times clicks"), default=0)
    # Left out of the analysis, by the reason; nobody is in two of these.
    quarantined_visitors = models.BigIntegerField(
        _("visitors who saw several arms"), default=0, help_text=_("Left out of the analysis.")
    )
    bot_visitors = models.BigIntegerField(
        _("bots"), default=0, db_default=0, help_text=_("Left out of the analysis.")
    )
    internal_visitors = models.BigIntegerField(
        _("internal visitors"), default=0, db_default=0, help_text=_("Left out of the analysis.")
    )
    prefetched_visitors = models.BigIntegerField(
        _("visitors with pre-fetched exposures only"),
        default=0,
        db_default=0,
        help_text=_("Left out of the analysis."),
    )
    impossible_visitors = models.BigIntegerField(
        _("visitors who clicked before they saw it"),
        default=0,
        db_default=0,
        help_text=_("Left out of the analysis."),
    )
    unexplained_visitors = models.BigIntegerField(
        _("visitors with an arm that nobody gave them"),
        default=0,
        db_default=0,
        help_text=_("Left out of the analysis."),
    )
    burst_visitors = models.BigIntegerField(
        _("visitors of a burst of few senders"),
        default=0,
        db_default=0,
        help_text=_("Left out of the analysis."),
    )

    late_visitors = models.BigIntegerField(
        _("visitors who were too slow to take part"),
        default=0,
        db_default=0,
        help_text=_("Left out of the analysis."),
    )

    class Meta:
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")
        ordering = ("experiment", "segment", "day", "phase", "variant")
        constraints = (
            models.UniqueConstraint(
                # The segment before the day: a report reads one segment of all days.
                fields=("experiment", "segment", "variant", "day", "phase"),
                name="rollup_one_a_day_phase_arm_and_segment",
            ),
            models.CheckConstraint(
                condition=Q(clicking_visitors__gte=0)
                & Q(converting_visitors__gte=0)
                & Q(quarantined_visitors__gte=0)
                & Q(bot_visitors__gte=0)
                & Q(internal_visitors__gte=0)
                & Q(prefetched_visitors__gte=0)
                & Q(impossible_visitors__gte=0)
                & Q(unexplained_visitors__gte=0)
                & Q(burst_visitors__gte=0)
                & Q(late_visitors__gte=0)
                & Q(clicking_visitors__lte=F("visitors"))
                & Q(converting_visitors__lte=F("visitors"))
                & Q(click_sum__gte=0)
                & Q(conversion_sum__gte=0)
                & Q(repeated_orders__gte=0),
                name="rollup_counts_possible",
            ),
        )

    def __str__(self) -> str:
        return f"{self.variant_id} {self.day}"


class CurrencyRollup(models.Model):
    """Beside the sums of values of one goal: the number of conversions, by their currency.

    Values in several currencies must not be compared. The currency is empty for conversions with
    a value and no currency.
    """

    experiment = models.ForeignKey(
        Experiment, models.CASCADE, related_name="currency_rollups", db_index=False
    )
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="+")
    day = models.DateField(_("day"))
    phase = models.PositiveSmallIntegerField(_("phase"), default=0)
    goal = models.CharField(_("goal"), max_length=100)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    conversions = models.BigIntegerField(_("conversions"), default=0)

    class Meta:
        verbose_name = _("rollup of a currency")
        verbose_name_plural = _("rollups of currencies")
        ordering = ("experiment", "goal", "currency", "day", "phase", "variant")
        constraints = (
            models.UniqueConstraint(
                fields=("experiment", "goal", "currency", "variant", "day", "phase"),
                name="currency_rollup_one_a_day_phase_arm_goal_and_currency",
            ),
            models.CheckConstraint(
                condition=Q(conversions__gte=0) & ~Q(goal=""),
                name="currency_rollup_counts_possible",
            ),
        )

    def __str__(self) -> str:
        return f"{self.variant_id} {self.day} {self.goal} {self.currency}"


class RollupCheck(models.Model):
    """The last comparison of an experiment's rollups with a count of its raw events."""

    experiment = models.OneToOneField(Experiment, models.CASCADE, related_name="rollup_check")
    checked_at = models.DateTimeField(_("checked"))
    n_differing = models.PositiveIntegerField(_("rows that differ"), default=0)

    class Meta:
        verbose_name = _("check of rollups")
        verbose_name_plural = _("checks of rollups")

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.n_differing}"


class Standing(models.Model):
    """Verdict and traffic of an experiment as they were last computed, for lists of many.

    `today` is the experiment's day of `visitors_today`; the week is it with the six before it.
    """

    experiment = models.OneToOneField(Experiment, models.CASCADE, related_name="standing")
    computed_at = models.DateTimeField(_("computed"))
    status = models.CharField(_("verdict"), max_length=20, blank=True)
    winner = models.ForeignKey(Variant, models.SET_NULL, related_name="+", null=True)
    lift = models.FloatField(_("lift"), null=True)
    visitors = models.BigIntegerField(_("visitors"), default=0)
    today = models.DateField(_("day"))
    visitors_today = models.BigIntegerField(_("visitors of the day"), default=0)
    visitors_week = models.BigIntegerField(_("visitors of the week"), default=0)
    days_left = models.FloatField(_("days left"), null=True)
    silent_hours = models.FloatField(_("hours without an exposure"), null=True)
    # Unknown in rows that a process of the version before writes during an upgrade.
    missing_goals = models.JSONField(
        null=True, help_text="Goals of the plan that do not arrive, each with what does."
    )

    class Meta:
        verbose_name = _("standing")
        verbose_name_plural = _("standings")
        indexes = (models.Index(fields=("status",), name="standing_by_status"),)

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.status}"


# Where rollups count those who are left out, by the first reason that applies, in this order.
LEFT_OUT_COLUMNS = {
    Exclusion.BOT: "bot_visitors",
    Exclusion.INTERNAL: "internal_visitors",
    Exclusion.UNEXPLAINED: "unexplained_visitors",
    Exclusion.BURST: "burst_visitors",
    Exclusion.LATE: "late_visitors",
    Exclusion.SEVERAL_ARMS: "quarantined_visitors",
    Exclusion.PREFETCH: "prefetched_visitors",
    Exclusion.IMPOSSIBLE: "impossible_visitors",
}


AMOUNTS = (
    "visitors",
    "clicking_visitors",
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "capped_visitors",
    "click_sum",
    "click_sum_squares",
    "conversion_sum",
    "conversion_sum_squares",
    "value_click_product_sum",
    "repeated_orders",
    "covariate_sum",
    "covariate_sum_squares",
    "covariate_product_sum",
    "covariate_click_product_sum",
    *LEFT_OUT_COLUMNS.values(),
)


GOAL_AMOUNTS = (
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "conversion_sum",
    "conversion_sum_squares",
    "value_click_product_sum",
)


CURRENCY_AMOUNTS = ("conversions",)
