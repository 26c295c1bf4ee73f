"""Lifecycle of an experiment: traffic phases, ramp steps, the log of its changes, its decision."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.catalogue import CTA
from experiments.models.experiment import SHARE_FIELD, Experiment, Variant


class Phase(models.Model):
    """A stretch of time with the same shares and coverage.

    The first is written when shares or coverage change for the first time; an experiment without
    phases has had those of its arms since its start. Rows are never changed: the ranges of a phase
    identify the visitors who were assigned in it.
    """

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="phases")
    number = models.PositiveSmallIntegerField(_("number"))
    started_at = models.DateTimeField(_("started"))
    shares = models.JSONField(_("shares"), help_text="Numbers that sum to 1, by arm.")
    coverage = models.DecimalField(_("coverage"), **SHARE_FIELD)
    slices = models.JSONField(
        _("slices"), help_text="Buckets of 0.01%: [first, end, arm], in order, end exclusive."
    )

    class Meta:
        verbose_name = _("phase")
        verbose_name_plural = _("phases")
        ordering = ("experiment", "number")
        constraints = (
            models.UniqueConstraint(fields=("experiment", "number"), name="phase_unique_number"),
            models.CheckConstraint(
                condition=Q(coverage__gt=0) & Q(coverage__lte=1), name="phase_coverage_range"
            ),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id}:{self.number}"


class RampStep(models.Model):
    """One step of a ramp: a share of the audience, for a number of hours."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="ramp")
    number = models.PositiveSmallIntegerField(_("step"))
    coverage = models.DecimalField(
        _("coverage"), help_text=_("Fraction of the audience that takes part."), **SHARE_FIELD
    )
    hold_hours = models.DecimalField(
        _("hours"),
        max_digits=6,
        decimal_places=2,
        default=Decimal(24),
        validators=[MinValueValidator(Decimal("0.02")), MaxValueValidator(Decimal(2160))],
        help_text=_("How long to stay before the next step. The last step stays."),
    )
    reached_at = models.DateTimeField(_("reached"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("step of the ramp")
        verbose_name_plural = _("ramp")
        ordering = ("experiment", "number")
        constraints = (
            models.UniqueConstraint(fields=("experiment", "number"), name="ramp_unique_number"),
            models.CheckConstraint(
                condition=Q(coverage__gt=0) & Q(coverage__lte=1), name="ramp_coverage_range"
            ),
            models.CheckConstraint(condition=Q(hold_hours__gt=0), name="ramp_hours_positive"),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id}:{self.number}"


class Change(models.Model):
    """One change of an experiment: time, author and reason. Never changed."""

    # Stored; never rename.
    class Kind(models.TextChoices):
        START = "start", _("Started")
        PAUSE = "pause", _("Paused")
        RESUME = "resume", _("Resumed")
        STOP = "stop", _("Stopped")
        ARCHIVE = "archive", _("Archived")
        SHARES = "shares", _("Shares changed")
        RAMP = "ramp", _("Step of the ramp")
        ROLLBACK = "rollback", _("Rolled back")
        UNDO = "undo", _("Roll-back undone")
        ARM_OFF = "arm_off", _("Arm rolled back")
        ARM_ON = "arm_on", _("Roll-back of an arm undone")
        SCHEDULE = "schedule", _("Schedule")
        GUARD_ON = "guard_on", _("Rolls back on an alarm")
        GUARD_OFF = "guard_off", _("Does not roll back on an alarm")
        PROVEN = "proven", _("Difference proven")
        DAYS = "days", _("Days of another time zone")
        DECIDE = "decide", _("Decision")
        PROMOTE = "promote", _("Shown to everybody")
        UNPROMOTE = "unpromote", _("Former default restored")
        ASK = "ask", _("Approval asked for")
        APPROVE = "approve", _("Approved")
        DECLINE = "decline", _("Approval declined")
        WITHDRAW = "withdraw", _("Request for approval withdrawn")
        FREEZE = "freeze", _("Report frozen")
        SHARE = "share", _("Share link made")
        UNSHARE = "unshare", _("Share link revoked")
        ANNOTATE = "annotate", _("Annotated")
        UNANNOTATE = "unannotate", _("Annotation removed")

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="changes")
    at = models.DateTimeField(_("when"))
    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    note = models.TextField(_("note"), blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
        help_text="Empty: the service itself, a server with its key, or a deleted account.",
    )
    # The account may be deleted; then `author` is empty, as it is for the service itself.
    by_person = models.BooleanField(_("by a person"), default=False, db_default=False)
    server_key = models.CharField(
        _("server key"),
        max_length=250,
        blank=True,
        default="",
        help_text="Name and first characters of the key that acted.",
    )

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.kind} {self.at}"


class Decision(models.Model):
    """The decision at the end of an experiment, and what the report said when it was taken.

    `lift` and `p_value` are those of `compared`: the arm that was chosen, or else the one that was
    furthest from the control. A promotion keeps both CTAs of the slot, so that it can be undone.
    """

    # Stored; never rename.
    class Outcome(models.TextChoices):
        WINNER = "winner", _("Winner")
        CONTROL = "control", _("Keep the control")
        INCONCLUSIVE = "inconclusive", _("Inconclusive")
        INVALID = "invalid", _("Invalid")

    experiment = models.OneToOneField(Experiment, models.CASCADE, related_name="decision")
    outcome = models.CharField(_("decision"), max_length=12, choices=Outcome)
    winner = models.ForeignKey(
        Variant, models.CASCADE, related_name="+", verbose_name=_("winner"), null=True
    )
    note = models.TextField(_("note"), blank=True)
    decided_at = models.DateTimeField(_("decided"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
    )
    server_key = models.CharField(_("server key"), max_length=250, blank=True, default="")
    verdict = models.CharField(_("verdict then"), max_length=20, blank=True)
    visitors = models.PositiveBigIntegerField(_("visitors then"), default=0)
    compared = models.ForeignKey(Variant, models.CASCADE, related_name="+", null=True)
    lift = models.FloatField(_("lift then"), null=True)
    p_value = models.FloatField(_("p-value then"), null=True)
    promoted_cta = models.ForeignKey(CTA, models.PROTECT, related_name="+", null=True)
    replaced_cta = models.ForeignKey(CTA, models.PROTECT, related_name="+", null=True)
    undone_at = models.DateTimeField(_("promotion undone"), null=True)

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ("-decided_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="winner", winner__isnull=False)
                | Q(outcome__in=("control", "inconclusive", "invalid"), winner__isnull=True),
                name="decision_winner_named",
            ),
            models.CheckConstraint(
                condition=Q(
                    promoted_cta__isnull=True, replaced_cta__isnull=True, undone_at__isnull=True
                )
                | Q(promoted_cta__isnull=False, replaced_cta__isnull=False),
                name="decision_promotion_keeps_both",
            ),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.outcome}"
