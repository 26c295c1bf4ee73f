"""Notices of events, their readers, and their delivery to people and webhooks.

A notice is written in the transaction of its event, and delivered later by a worker: an event that
is rolled back causes no notice, and a worker that dies loses nothing.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment
from experiments.models.operations.jobs import Job
from experiments.models.site import Site


class Notice(models.Model):
    """One thing that has happened; its sentences are made at delivery, for each reader."""

    # Stored; never rename.
    class Kind(models.TextChoices):
        STARTED = "started", _("A test has started")
        VERDICT = "verdict", _("A test has a verdict")
        HARM = "harm", _("An arm does harm")
        ROLLBACK = "rollback", _("Something was rolled back")
        SPLIT = "split", _("Visitors do not split as the shares say")
        NO_TRAFFIC = "no_traffic", _("No visitor for 24 hours")
        TRAINED = "trained", _("A training has finished")
        APPROVAL = "approval", _("A test needs an approval")
        DIGEST = "digest", _("Weekly digest")

    kind = models.CharField(_("what"), max_length=12, choices=Kind)
    at = models.DateTimeField(_("when"), db_index=True)
    site = models.ForeignKey(
        Site,
        models.CASCADE,
        null=True,
        related_name="+",
        verbose_name=_("site"),
        help_text="Empty: of the whole installation.",
    )
    experiment = models.ForeignKey(Experiment, models.CASCADE, null=True, related_name="+")
    job = models.ForeignKey(Job, models.CASCADE, null=True, related_name="+")
    facts = models.JSONField(_("facts"), default=dict)
    occurrence = models.CharField(
        max_length=200, unique=True, help_text="What happened, named so that it is told once."
    )
    spread_at = models.DateTimeField(null=True, help_text="When its deliveries were written down.")

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ("-at", "-pk")
        indexes = (
            models.Index(fields=("id",), condition=Q(spread_at=None), name="notice_to_spread"),
        )

    def __str__(self) -> str:
        return self.occurrence


class NoticeRead(models.Model):
    """A notice that a person has read on the page of notices."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="reads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    read_at = models.DateTimeField(_("read"))

    class Meta:
        verbose_name = _("read notice")
        verbose_name_plural = _("read notices")
        constraints = (models.UniqueConstraint(fields=("user", "notice"), name="notice_read_once"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.notice_id}"


class NoticeChoice(models.Model):
    """Kinds of notices that a person gets by mail, and those that count in the menu."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_choice"
    )
    mail = models.JSONField(_("by mail"), default=list)
    page = models.JSONField(_("in the menu"), default=list)

    class Meta:
        verbose_name = _("choice of notices")
        verbose_name_plural = _("choices of notices")

    def __str__(self) -> str:
        return f"{self.user_id}"


class Webhook(models.Model):
    """An address of a site's own that notices are sent to, signed by Standard Webhooks."""

    # Stored; never rename.
    class Format(models.TextChoices):
        JSON = "json", _("JSON (Standard Webhooks)")
        SLACK = "slack", _("Slack")
        TEAMS = "teams", _("Microsoft Teams")

    site = models.ForeignKey(Site, models.CASCADE, related_name="webhooks", verbose_name=_("site"))
    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(
        _("address"),
        max_length=1000,
        help_text=_("It begins with https://. Whoever has it may often post there: keep it."),
    )
    format = models.CharField(_("format"), max_length=5, choices=Format, default=Format.JSON)
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    kinds = models.JSONField(_("notices"), default=list)
    is_active = models.BooleanField(_("in use"), default=True)
    encrypted_secret = models.TextField(editable=False)
    created_at = models.DateTimeField(_("created"), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("site", "name")

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One notice for one reader or webhook: claimed by one worker at a time, sent once."""

    # Stored; never rename.
    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        GIVEN_UP = "given_up", _("Given up")
        DROPPED = "dropped", _("Not for this reader any more")

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    webhook = models.ForeignKey(Webhook, models.CASCADE, null=True, related_name="deliveries")
    # Receivers drop what they have had under this name: a worker may die between both.
    message_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt"))
    claimed_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-pk",)
        indexes = (
            models.Index(
                fields=("next_at",), condition=Q(state="waiting"), name="delivery_waiting"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("notice", "user"), name="delivery_once_a_reader"),
            models.UniqueConstraint(fields=("notice", "webhook"), name="delivery_once_a_webhook"),
            models.CheckConstraint(
                condition=Q(user=None, webhook__isnull=False) | Q(user__isnull=False, webhook=None),
                name="delivery_to_one",
            ),
        )

    def __str__(self) -> str:
        return f"{self.notice_id} {self.state}"
