"""Work in the background: jobs, imports of files, signs of life of processes and tasks."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.models.site import Site

# Stored in the request of a training; never rename.
LEARNING_CURVE = "learning_curve"


class Job(models.Model):
    # Stored; never rename.
    class Kind(models.TextChoices):
        TRAINING = "training", _("Training of the predictor")
        RANKING = "ranking", _("Ranking of wordings")
        IMPORT = "import", _("Import of a file")

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
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("created by"),
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

    @property
    def is_curve(self) -> bool:
        """Return whether it measures the learning curve: a training that makes no predictor."""
        return self.kind == self.Kind.TRAINING and self.request.get("only") == LEARNING_CURVE

    @property
    def title(self) -> str:
        """Name of the job: that of a learning curve is not the name of a training."""
        return self.curve_title if self.is_curve else str(self)

    @property
    def curve_title(self) -> str:
        """Name of the job if it measures the learning curve, whether or not it is known to."""
        return gettext("Learning curve %(pk)s") % {"pk": self.pk}


class Upload(models.Model):
    """An import in the browser: a file that waits for a yes, or what was made of one."""

    # Stored; never rename.
    class Kind(models.TextChoices):
        HISTORY = "history", _("Past tests")
        WORDINGS = "wordings", _("Wordings")
        EVENTS = "events", _("Events")

    # Stored; never rename.
    class Status(models.TextChoices):
        WAITING = "waiting", _("Waits for confirmation")
        RUNNING = "running", _("Being imported")
        DONE = "done", _("Imported")
        FAILED = "failed", _("Failed")
        UNDONE = "undone", _("Undone")

    site = models.ForeignKey(Site, models.CASCADE, related_name="uploads", verbose_name=_("site"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    name = models.CharField(_("file"), max_length=200)
    size = models.PositiveBigIntegerField(_("bytes"))
    stored = models.CharField(
        _("name in the folder of uploads"), max_length=64, blank=True, help_text="Empty: deleted."
    )
    options = models.JSONField(_("options"), default=dict)
    result = models.JSONField(_("result"), null=True)
    undo = models.JSONField(
        _("what an undo restores"), null=True, help_text="None: it cannot be undone."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )
    note = models.CharField(_("note"), max_length=500, blank=True, default="", db_default="")
    created_at = models.DateTimeField(_("created"))
    ended_at = models.DateTimeField(_("finished"), null=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="uploads")

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """The last sign of life of one process beside the web server."""

    # Stored; never rename.
    class Role(models.TextChoices):
        WORKER = "worker", _("Worker")
        BEAT = "beat", _("Clock of the worker (beat)")
        CONSUMER = "consumer", _("Consumer of the event stream")
        SCORING = "scoring", _("Scoring service")

    role = models.CharField(_("role"), max_length=10, choices=Role)
    process = models.CharField(_("process"), max_length=200, help_text=_("Machine and number."))
    started_at = models.DateTimeField(_("started"))
    beat_at = models.DateTimeField(_("last sign of life"))
    stopped_at = models.DateTimeField(_("stopped"), null=True)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        ordering = ("role", "-beat_at")
        constraints = (
            models.UniqueConstraint(fields=("role", "process"), name="heartbeat_once_a_process"),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.process}"


class TaskRun(models.Model):
    """The last run of a task, by whichever worker."""

    name = models.CharField(_("task"), max_length=100, unique=True)
    ended_at = models.DateTimeField(_("last run"), null=True)
    seconds = models.FloatField(_("duration in seconds"), default=0.0)
    failed_at = models.DateTimeField(_("last failure"), null=True)
    error = models.CharField(_("kind of error"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("run of a task")
        verbose_name_plural = _("runs of tasks")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
