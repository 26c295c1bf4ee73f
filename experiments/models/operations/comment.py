"""Comments of people and servers on experiments, below their reports."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.experiment import Experiment


class Comment(models.Model):
    """Comment of a person or a server below the report of an experiment."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="comments")
    at = models.DateTimeField(_("when"))
    text = models.TextField(_("text"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
        help_text="Empty: a server with its key, or somebody whose account is gone.",
    )
    server_key = models.CharField(_("server key"), max_length=250, blank=True, default="")

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ("at", "pk")
        constraints = (
            models.CheckConstraint(condition=~Q(text=""), name="comment_says_something"),
        )

    def __str__(self) -> str:
        return self.text
