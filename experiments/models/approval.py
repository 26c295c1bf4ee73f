"""Approval of a draft by a second person, for sites that ask for one."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment


class Approval(models.Model):
    """A request that a second person approve a draft, and the answer.

    `content` is what the person answers about: the draft as `services.lifecycle.plan_content` gives
    it, rows of `[row, field, value]`. An approval holds for exactly that content.
    """

    # Stored; never rename.
    class State(models.TextChoices):
        WAITING = "waiting", _("Waits for approval")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="approvals")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    content = models.JSONField(_("content"))
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("asked by"),
        null=True,
    )
    server_key = models.CharField(
        _("server key"),
        max_length=250,
        blank=True,
        default="",
        help_text="Name and first characters of the key that asked.",
    )
    note = models.TextField(_("note"), blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("answered by"),
        null=True,
    )
    answer = models.TextField(_("answer"), blank=True)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ("-asked_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("experiment",), condition=Q(state="waiting"), name="approval_one_waits"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", answered_at__isnull=True)
                | Q(state__in=("approved", "declined", "withdrawn"), answered_at__isnull=False),
                name="approval_answer_dated",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | ~Q(asked_by=F("answered_by")),
                name="approval_second_person",
            ),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.state}"
