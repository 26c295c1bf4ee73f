"""Raw events, their outcome for each visitor and experiment, and new visitors by sender."""

from enum import IntFlag

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment, Variant
from experiments.models.fields import ExactDecimalField
from experiments.models.site import Site


class Event(models.Model):
    """One exposure, click or conversion, as it was received."""

    # Stored; never rename.
    class Type(models.TextChoices):
        EXPOSURE = "exposure", _("Exposure")
        CLICK = "click", _("Click")
        CONVERSION = "conversion", _("Conversion")

    # Stored; never rename.
    class Flag(IntFlag):
        """Doubts about an event, which is kept all the same: the bits of `flags`.

        `HELD_OUT` marks conversions of visitors in the site's holdout: a digest does not show it.
        """

        BOT = 1
        INTERNAL = 2
        PREFETCH = 4
        UNEXPLAINED = 8
        BURST = 16
        REPEATED = 32
        HELD_OUT = 64
        LATE = 128

    # The id begins with a time (UUID version 7): on PostgreSQL it is what the day partitions are
    # cut by, and so a repeated id always meets its first copy.
    pk = models.CompositePrimaryKey("event_id", "site_id")
    event_id = models.UUIDField(_("event id"))
    # No foreign keys in the database: each would cost a look-up an event, and locks on the rows
    # that every event of an experiment names.
    site = models.ForeignKey(
        Site, models.CASCADE, related_name="events", db_constraint=False, db_index=False
    )
    type = models.CharField(_("type"), max_length=10, choices=Type)
    visitor = models.CharField(_("visitor"), max_length=200)
    experiment = models.ForeignKey(
        # Evidence outlives a click on "Delete": only an experiment without events can go.
        Experiment,
        models.PROTECT,
        related_name="events",
        null=True,
        db_constraint=False,
        db_index=False,
    )
    variant = models.ForeignKey(
        Variant,
        models.PROTECT,
        related_name="events",
        null=True,
        db_constraint=False,
        db_index=False,
    )
    propensity = models.FloatField(_("propensity"), null=True)
    goal = models.CharField(_("goal"), max_length=100, blank=True)
    value = ExactDecimalField(_("value"), null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        blank=True,
        help_text=_("Of an exposure: device, locale, country, new_visitor, where known."),
    )
    occurred_at = models.DateTimeField(_("occurred"))
    received_at = models.DateTimeField(_("received"))
    flags = models.PositiveSmallIntegerField(
        _("flags"),
        default=0,
        db_default=0,
        help_text=_(
            "Bits: 1 sent by a bot, 2 internal traffic, 4 pre-fetched and not yet seen, "
            "8 of an arm that the visitor cannot have been given, 16 in a burst of few senders, "
            "32 of an order that is counted already, 64 by a visitor held out, "
            "128 of an arm that came too late to be shown."
        ),
    )
    sender = models.SmallIntegerField(
        _("group of the sender"),
        null=True,
        help_text=_("One of 512, of a page's address; dealt anew each day. It names nobody."),
    )
    batch = models.BigIntegerField(help_text="The transaction that stored it.")

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = (
            models.CheckConstraint(condition=~Q(visitor=""), name="event_visitor_not_empty"),
            models.CheckConstraint(
                condition=Q(
                    type__in=("exposure", "click"),
                    experiment__isnull=False,
                    variant__isnull=False,
                )
                | (Q(type="conversion") & ~Q(goal="")),
                name="event_has_what_its_type_needs",
            ),
        )
        indexes = (
            models.Index(fields=("batch",), name="event_by_batch"),
            models.Index(fields=("site", "visitor"), name="event_by_visitor"),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class ConversionOrder(models.Model):
    """Order number of a conversion, as a keyed digest; one event of an order counts.

    The others are flagged `REPEATED`. The digest names the goal, too: an order may reach several.
    """

    pk = models.CompositePrimaryKey("event_id", "site_id")
    event_id = models.UUIDField()
    site = models.ForeignKey(
        Site, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    digest = models.CharField(max_length=32)
    is_counted = models.BooleanField()
    by_server = models.BooleanField(help_text="Sent with a server key.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("site", "digest"), condition=Q(is_counted=True), name="order_counts_once"
            ),
        )
        indexes = (
            models.Index(
                fields=("site", "digest"), condition=Q(is_counted=False), name="order_repeats"
            ),
        )

    def __str__(self) -> str:
        return f"{self.digest[:8]} {self.event_id}"


class PendingBatch(models.Model):
    """A transaction's worth of events that the rollups do not count yet.

    Written with the events and deleted by the fold that counts them, each in one transaction: an
    event is waiting or counted, never both or neither. No order of numbers is relied on, for on
    PostgreSQL numbers are given in another order than transactions commit.
    """

    n_events = models.PositiveIntegerField()
    stored_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.pk}: {self.n_events} events"


class VisitorDay(models.Model):
    """A day in whose partition events of a visitor lie; kept on PostgreSQL only.

    Without it, reading all events of a visitor would search every partition.
    """

    pk = models.CompositePrimaryKey("site_id", "visitor_hash", "day")
    site = models.ForeignKey(
        Site, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    visitor_hash = models.BigIntegerField()
    day = models.DateField()

    def __str__(self) -> str:
        return f"{self.visitor_hash} {self.day}"


# Stored; never rename.
class Exclusion(models.IntegerChoices):
    """Reason to leave a visitor out of the analysis; `LEFT_OUT_COLUMNS` has their precedence."""

    NONE = 0, _("counted")
    BOT = 1, _("bots")
    INTERNAL = 2, _("internal traffic")
    SEVERAL_ARMS = 3, _("saw several arms")
    PREFETCH = 4, _("only pre-fetched")
    IMPOSSIBLE = 5, _("clicked before they saw it")
    UNEXPLAINED = 6, _("arm that nobody gave them")
    BURST = 7, _("burst of few senders")
    LATE = 8, _("too slow to take part")


class VisitorOutcome(models.Model):
    """Contribution of one visitor to one experiment; the rollups are sums of these."""

    # No foreign keys in the database: they would cost half of a rebuild.
    experiment = models.ForeignKey(
        Experiment, models.CASCADE, related_name="outcomes", db_constraint=False, db_index=False
    )
    visitor = models.CharField(max_length=200)
    variant = models.ForeignKey(
        Variant, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    day = models.DateField(help_text="Day of the first exposure, in the experiment's zone.")
    phase = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Number of the phase of the first exposure."
    )
    has_clicked = models.BooleanField()
    has_converted = models.BooleanField()
    value = ExactDecimalField(help_text="As it was paid: sums count it up to the cap.")
    clicks = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Clicks in the conversion window."
    )
    conversions = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Conversions to the goal in the conversion window."
    )
    repeated_orders = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Conversions left out as repeats of an order."
    )
    covariate = ExactDecimalField(
        default=0, help_text="The primary metric in the 14 days before the first exposure."
    )
    goals = models.JSONField(
        default=dict, help_text="Goals of guardrails that were reached, each with its value."
    )
    goal_conversions = models.JSONField(
        default=dict, help_text="The same goals, each with the number of conversions."
    )
    currencies = models.JSONField(
        default=dict,
        help_text="Conversions with a value, by currency and goal: {“EUR order”: 2}. Only goals "
        "whose values are a metric; the currency may be empty.",
    )
    exclusion = models.PositiveSmallIntegerField(
        choices=Exclusion, default=Exclusion.NONE, db_default=0
    )
    segments = models.TextField(
        blank=True, help_text="By the first exposure, such as “device=mobile locale=fr”."
    )
    is_settled = models.BooleanField(
        default=False, db_default=False, help_text="Rests on events that were dropped: stays."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("experiment", "visitor"), name="outcome_one_a_visitor"),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id}:{self.visitor}"


class EventIntake(models.Model):
    """Events that a site sent in an hour, by what became of them."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    hour = models.DateTimeField(_("hour"))
    taken = models.PositiveBigIntegerField(
        _("taken"), default=0, help_text=_("Stored, or known before.")
    )
    rejected_clock = models.PositiveBigIntegerField(_("rejected: time"), default=0)
    rejected_unknown = models.PositiveBigIntegerField(
        _("rejected: unknown slot, experiment or variant"), default=0
    )
    rejected_schema = models.PositiveBigIntegerField(_("rejected: schema"), default=0)

    class Meta:
        verbose_name = _("intake of events")
        verbose_name_plural = _("intake of events")
        ordering = ("-hour", "site")
        constraints = (
            models.UniqueConstraint(fields=("site", "hour"), name="event_intake_once_an_hour"),
        )

    def __str__(self) -> str:
        return f"{self.site_id} {self.hour:%Y-%m-%d %H}"


class SenderCount(models.Model):
    """New visitors of an arm in a quarter of an hour, by arrival, whose sender is in this group.

    Kept for two days; of earlier days only the largest sender of each, for a week.
    """

    experiment = models.ForeignKey(
        Experiment, models.CASCADE, related_name="sender_counts", db_index=False
    )
    slot = models.DateTimeField(help_text="Beginning of the quarter of an hour.")
    sender = models.SmallIntegerField(help_text="Group; -1: unknown.")
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="+", db_index=False)
    phase = models.PositiveSmallIntegerField(default=0)
    visitors = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    first_batch = models.BigIntegerField(help_text="Transactions that stored the events.")
    last_batch = models.BigIntegerField()
    is_burst = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("experiment", "slot", "sender", "variant", "phase"),
                name="sender_count_one_a_slot_sender_arm_and_phase",
            ),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.slot} {self.sender}"


class Burst(models.Model):
    """Visitors that few senders sent to an experiment on one day (UTC), by arrival; left out."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="bursts")
    day = models.DateField(_("day"))
    first_at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"))
    n_senders = models.PositiveSmallIntegerField(_("senders"))
    visitors = models.PositiveIntegerField(_("visitors"))
    all_visitors = models.PositiveIntegerField(_("all new visitors of the day"))

    class Meta:
        verbose_name = _("burst")
        verbose_name_plural = _("bursts")
        ordering = ("-day",)
        constraints = (
            models.UniqueConstraint(fields=("experiment", "day"), name="burst_one_a_day"),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.day}: {self.visitors}"
