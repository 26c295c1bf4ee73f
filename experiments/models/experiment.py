"""Experiments: a slot, an audience, arms with shares, and the state they are in."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from experiments.models.catalogue import CTA, Audience, Namespace, Slot, Tag
from experiments.models.validators import time_zone_validator

# A range of [0, 1] in 0.01 % steps: the resolution of hash version 2.
SHARE_FIELD: dict[str, Any] = {"max_digits": 5, "decimal_places": 4}
OF_START: dict[str, Any] = {"editable": False, "validators": [time_zone_validator]}
# All metrics but the click rate: they count a goal.
METRICS_OF_GOALS = (
    "conversion_rate", "value_per_visitor", "value_per_click", "conversions_per_visitor",
)  # fmt: skip
# The "variant" of visitors who take part in no experiment: no arm may have this name.
NO_EXPERIMENT = "default"


class Experiment(models.Model):
    # Stored; never rename.
    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        STOPPED = "stopped", _("Stopped")
        ARCHIVED = "archived", _("Archived")

    LIVE_STATUSES = (Status.RUNNING, Status.PAUSED)
    FINISHED_STATUSES = (Status.STOPPED, Status.ARCHIVED)
    OPEN_STATUSES = (Status.DRAFT, *LIVE_STATUSES)

    # Stored; never rename.
    class Metric(models.TextChoices):
        CLICK_RATE = "click_rate", _("Click rate")
        CONVERSION_RATE = "conversion_rate", _("Conversion rate")
        VALUE_PER_VISITOR = "value_per_visitor", _("Value per visitor")
        VALUE_PER_CLICK = "value_per_click", _("Value per click")
        CONVERSIONS_PER_VISITOR = "conversions_per_visitor", _("Conversions per visitor")

    METRICS_OF_VALUES = (Metric.VALUE_PER_VISITOR, Metric.VALUE_PER_CLICK)

    # Stored; never rename.
    class Plan(models.TextChoices):
        SEQUENTIAL = "sequential", _("Sequential: look whenever you like")
        FIXED = "fixed", _("Fixed horizon: one look, at the planned end")

    # Stored; never rename.
    class Origin(models.TextChoices):
        LIVE = "live", _("Measured by this service")
        IMPORTED = "imported", _("Imported figures")

    slot = models.ForeignKey(
        Slot, models.PROTECT, related_name="experiments", verbose_name=_("slot")
    )
    audience = models.ForeignKey(
        Audience,
        models.PROTECT,
        related_name="experiments",
        verbose_name=_("audience"),
        null=True,
        blank=True,
        help_text=_("Empty: every visitor."),
    )
    key = models.SlugField(_("key"), unique=True, max_length=100)
    name = models.CharField(_("name"), max_length=200)
    hypothesis = models.TextField(
        _("hypothesis"), blank=True, help_text=_("What should change, for whom, and why.")
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False
    )
    primary_metric = models.CharField(
        _("primary metric"), max_length=30, choices=Metric, default=Metric.CLICK_RATE
    )
    goal = models.CharField(
        _("goal"), max_length=100, blank=True, help_text=_("Name of the conversion that counts.")
    )
    conversion_window_hours = models.PositiveSmallIntegerField(
        _("conversion window"),
        default=72,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text=_("Hours after a visitor's first exposure in which conversions count."),
    )
    value_cap = models.DecimalField(
        _("cap of the values"),
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("What a visitor is worth above it counts as this much. Empty: no cap."),
    )
    alpha = models.FloatField(
        _("significance level"),
        default=0.05,
        validators=[MinValueValidator(0.0001), MaxValueValidator(0.5)],
    )
    plan = models.CharField(_("plan"), max_length=10, choices=Plan, default=Plan.SEQUENTIAL)
    planned_visitors = models.PositiveBigIntegerField(
        _("planned visitors"),
        null=True,
        blank=True,
        help_text=_(
            "All arms together. A fixed plan waits for them; a sequential one is sharpest there."
        ),
    )
    # Numbers behind `planned_visitors` where the service has set it; see `plan_review`.
    planned_visitors_basis = models.JSONField(
        _("basis of the planned visitors"), null=True, blank=True, editable=False
    )
    coverage = models.DecimalField(
        _("coverage"),
        default=Decimal(1),
        help_text=_("Fraction of the audience that takes part."),
        **SHARE_FIELD,
    )
    namespace = models.ForeignKey(
        Namespace,
        models.PROTECT,
        related_name="experiments",
        verbose_name=_("namespace"),
        null=True,
        blank=True,
    )
    namespace_start = models.DecimalField(
        _("start of its range"), null=True, blank=True, **SHARE_FIELD
    )
    namespace_end = models.DecimalField(_("end of its range"), null=True, blank=True, **SHARE_FIELD)
    seed = models.CharField(
        _("seed"), max_length=200, blank=True, help_text=_("Empty: the experiment's key.")
    )
    tags = models.ManyToManyField(
        Tag, related_name="experiments", verbose_name=_("tags"), blank=True
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("responsible"),
        null=True,
        blank=True,
    )
    hash_version = models.PositiveSmallIntegerField(_("hash version"), default=2, editable=False)
    origin = models.CharField(
        _("origin"), max_length=10, choices=Origin, default=Origin.LIVE, editable=False
    )
    source = models.TextField(_("source"), blank=True, help_text=_("Where the figures are from."))
    starts_at = models.DateTimeField(
        _("planned start"),
        null=True,
        blank=True,
        help_text=_("A draft that is ready starts by itself at this time. Empty: by hand."),
    )
    ends_at = models.DateTimeField(
        _("planned end"),
        null=True,
        blank=True,
        help_text=_("It stops by itself at this time. Empty: by hand."),
    )
    ends_when_planned = models.BooleanField(
        _("end when the plan is reached"),
        default=False,
        help_text=_(
            "It stops by itself at night, once the planned visitors are in and the site's days"
            " before a verdict are over."
        ),
    )
    rolls_back = models.BooleanField(
        _("roll back on an alarm"),
        default=True,
        help_text=_(
            "Take a harmed arm out as soon as a guardrail shows it; show everybody the default CTA"
            " if no other arm is left or the visitors do not split as the shares say. Can be"
            " undone."
        ),
    )
    strict_guardrails = models.BooleanField(
        _("strict guardrails"),
        default=False,
        help_text=_(
            "Name no winner before a loss beyond the margin is excluded on every guardrail, which"
            " takes many more visitors. Otherwise a winner is named with the loss that is not"
            " excluded."
        ),
    )
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    # The looks of a plan are the ends of its days, so they stay what they were at the start.
    days_in = models.CharField(
        _("time zone of its days"), max_length=64, blank=True, default="", db_default="", **OF_START
    )
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True, editable=False)
    rolled_back_at = models.DateTimeField(_("rolled back"), null=True, blank=True, editable=False)
    rollback_reason = models.TextField(
        _("reason of the roll-back"), blank=True, default="", editable=False
    )

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        ordering = ("-started_at", "key")
        constraints = (
            models.CheckConstraint(condition=~Q(key=""), name="experiment_key_not_empty"),
            models.CheckConstraint(condition=Q(hash_version=2), name="experiment_hash_version_2"),
            models.CheckConstraint(
                condition=Q(status__in=("draft", "running", "paused", "stopped", "archived")),
                name="experiment_status_known",
            ),
            models.CheckConstraint(
                condition=Q(primary_metric="click_rate") | Q(primary_metric__in=METRICS_OF_GOALS),
                name="experiment_metric_known",
            ),
            models.CheckConstraint(
                condition=Q(origin__in=("live", "imported")), name="experiment_origin_known"
            ),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(started_at__isnull=False),
                name="experiment_started_unless_draft",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("draft", "running", "paused"), stopped_at__isnull=True)
                | Q(
                    status__in=("stopped", "archived"),
                    stopped_at__isnull=False,  # A CHECK that comes to NULL is passed.
                    stopped_at__gte=F("started_at"),
                ),
                name="experiment_stopped_has_end",
            ),
            models.CheckConstraint(
                condition=Q(coverage__gt=0) & Q(coverage__lte=1), name="experiment_coverage_range"
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(ends_at__gt=F("starts_at")),
                name="experiment_ends_after_start",
                violation_error_message=_("The planned end must come after the planned start."),
            ),
            models.CheckConstraint(
                condition=Q(rolled_back_at__isnull=True, rollback_reason="")
                | (
                    Q(rolled_back_at__isnull=False, status__in=("paused", "stopped", "archived"))
                    & ~Q(rollback_reason="")
                ),
                name="experiment_rolled_back_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(conversion_window_hours__gte=1) & Q(conversion_window_hours__lte=720),
                name="experiment_conversion_window_range",
            ),
            models.CheckConstraint(
                condition=Q(alpha__gt=0) & Q(alpha__lte=0.5), name="experiment_alpha_range"
            ),
            models.CheckConstraint(
                condition=Q(plan="sequential")
                | Q(plan="fixed", planned_visitors__isnull=False, planned_visitors__gt=0),
                name="experiment_fixed_plan_has_visitors",
                violation_error_message=_("A fixed horizon needs a number of visitors."),
            ),
            models.CheckConstraint(
                condition=Q(value_cap__isnull=True)
                | Q(
                    value_cap__gt=0,
                    value_cap__isnull=False,  # A CHECK that comes to NULL is passed.
                    primary_metric__in=("value_per_visitor", "value_per_click"),
                ),
                name="experiment_value_cap_fits",
                violation_error_message=_("A cap is above 0, and for metrics of values only."),
            ),
            models.CheckConstraint(
                condition=Q(primary_metric="click_rate") | ~Q(goal=""),
                name="experiment_goal_for_conversions",
                violation_error_message=_("This metric needs a goal."),
            ),
            models.CheckConstraint(
                condition=Q(
                    namespace__isnull=True,
                    namespace_start__isnull=True,
                    namespace_end__isnull=True,
                )
                | Q(
                    namespace__isnull=False,
                    namespace_start__isnull=False,
                    namespace_end__isnull=False,
                    namespace_start__gte=0,
                    namespace_end__lte=1,
                    namespace_start__lt=F("namespace_end"),
                ),
                name="experiment_namespace_range",
                violation_error_message=_("A namespace needs a range inside 0 to 1."),
            ),
            # Two constraints, because a NULL audience is not equal to itself.
            models.UniqueConstraint(
                fields=("slot", "audience"),
                condition=Q(status__in=("running", "paused"), namespace__isnull=True),
                name="experiment_one_running_a_slot_and_audience",
                violation_error_message=_("This slot and audience already have an experiment."),
            ),
            models.UniqueConstraint(
                fields=("slot",),
                condition=Q(
                    status__in=("running", "paused"),
                    namespace__isnull=True,
                    audience__isnull=True,
                ),
                name="experiment_one_running_a_slot_for_everybody",
                violation_error_message=_("This slot already has an experiment for everybody."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def assignment_seed(self) -> str:
        return self.seed or self.key

    @property
    def zone_of_days(self) -> ZoneInfo:
        """Return the zone of its days; of a draft, that of its site."""
        return ZoneInfo(self.days_in or self.slot.site.time_zone)


class Variant(models.Model):
    """A CTA taking part in an experiment; arm 0 is the control."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="variants")
    arm = models.PositiveSmallIntegerField(_("arm"), help_text=_("0 is the control."))
    key = models.SlugField(_("key"))
    cta = models.ForeignKey(CTA, models.PROTECT, related_name="variants", verbose_name=_("CTA"))
    share = models.DecimalField(
        _("share"),
        help_text=_("Fraction of the visitors. All shares sum to 1."),
        **SHARE_FIELD,
    )
    rolled_back_at = models.DateTimeField(_("rolled back"), null=True, blank=True, editable=False)
    rollback_reason = models.TextField(
        _("reason of the roll-back"), blank=True, default="", editable=False
    )

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        ordering = ("experiment", "arm")
        constraints = (
            models.UniqueConstraint(fields=("experiment", "arm"), name="variant_unique_arm"),
            models.UniqueConstraint(fields=("experiment", "key"), name="variant_unique_key"),
            models.CheckConstraint(
                condition=~Q(key="") & ~Q(key=NO_EXPERIMENT),
                name="variant_key_usable",
                violation_error_message=_(
                    "Give it a key; “default” is what visitors outside the experiment get."
                ),
            ),
            models.CheckConstraint(
                condition=Q(share__gte=0) & Q(share__lte=1), name="variant_share_range"
            ),
            models.CheckConstraint(
                condition=Q(rolled_back_at__isnull=True, rollback_reason="")
                | (Q(rolled_back_at__isnull=False, share=0) & ~Q(rollback_reason="")),
                name="variant_rolled_back_without_share",
            ),
        )

    def __str__(self) -> str:
        return self.key
