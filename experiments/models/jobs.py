"""Background jobs: training and ranking, with their progress."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.catalogue import Site


class Job(models.Model):
    # Stored; never rename.
    class Kind(models.TextChoices):
        TRAINING = "training", _("Training of the predictor")
        RANKING = "ranking", _("Ranking of wordings")

    # Stored; never rename.
    class Status(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Stopped")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    progress = models.FloatField(_("progress"), default=0.0)
    message = models.TextField(_("message"), blank=True)
    attempt = models.PositiveSmallIntegerField(
        _("attempt"), default=0, help_text=_("More than 1: a worker was killed.")
    )
    request = models.JSONField(_("request"), default=dict)
    result = models.JSONField(_("result"), null=True)
    language = models.CharField(
        _("language"), max_length=10, help_text=_("Of the person who waits for it.")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    site = models.ForeignKey(
        Site,
        models.CASCADE,
        null=True,
        related_name="jobs",
        verbose_name=_("site"),
        help_text=_("Empty: of the whole installation, or a ranking for no site yet."),
    )
    created_at = models.DateTimeField(_("created"))
    heartbeat_at = models.DateTimeField(_("last sign of life"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(progress__gte=0) & Q(progress__lte=1), name="job_progress_range"
            ),
            models.UniqueConstraint(
                fields=("kind",),
                condition=Q(kind="training", status__in=("queued", "running")),
                name="job_one_training_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
