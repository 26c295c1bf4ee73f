"""History: past wordings imported from elsewhere, and the archive of all past tests."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from experiments.models.catalogue import Slot
from experiments.models.experiment import Experiment
from experiments.models.operations.jobs import Upload
from experiments.models.site import Site
from experiments.models.validators import empty_list


class HistoryArm(models.Model):
    """One wording of one past test; the columns of a history row."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="history", verbose_name=_("site"))
    test = models.TextField(_("test"))
    context = models.TextField(_("context"), blank=True)
    text = models.TextField(_("wording"))
    visitors = models.PositiveBigIntegerField(_("visitors"))
    clicks = models.PositiveBigIntegerField(_("clicks"))
    audience = models.TextField(_("audience"), blank=True)
    locale = models.TextField(_("language"), blank=True)
    form = models.TextField(_("form"), blank=True)
    placement = models.TextField(_("position"), blank=True)
    ended_on = models.DateField(_("ended"), null=True, blank=True)
    group = models.TextField(_("group"), blank=True)
    suspect = models.BooleanField(
        _("suspect"), default=False, help_text=_("Randomisation in doubt: not used to evaluate.")
    )
    digest = models.CharField(max_length=64, editable=False)
    is_simulated = models.BooleanField(_("simulated"), default=False)
    upload = models.ForeignKey(
        Upload,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="history",
        help_text="The import in the browser that wrote it last; None: the command line.",
    )

    class Meta:
        verbose_name = _("past wording")
        verbose_name_plural = _("past wordings")
        ordering = ("test", "context", "text")
        constraints = (
            models.UniqueConstraint(
                # Of what names the row: wordings are too long for an index.
                fields=("site", "digest"),
                name="history_one_row_a_wording",
            ),
            models.CheckConstraint(
                condition=Q(clicks__lte=F("visitors")),
                name="history_counts_possible",
            ),
            models.CheckConstraint(condition=~Q(test="") & ~Q(text=""), name="history_named"),
        )

    def __str__(self) -> str:
        return self.text


class PastTest(models.Model):
    """One past test of a site: a finished experiment, or the wordings of an imported test.

    Rows are derived from experiments and past wordings and may be made anew at any time.

    `principles`, `tags` and `words` are for filters: each entry of the first two stands between
    line breaks; `words` is folded, without case and accents. An entry of `arms` has `text`,
    `visitors`, `clicks`, `rate`, `is_control`, `principles`, `verb_form`, and with `log` and
    `variance` the logarithm of its result (against the control, or of its click rate) and that
    logarithm's variance, both None where they are undefined.
    """

    # Stored; never rename.
    class Source(models.TextChoices):
        EXPERIMENT = "experiment", _("Own experiment")
        IMPORT = "import", _("Imported test")

    # Stored; never rename.
    class Verdict(models.TextChoices):
        WINNER = "winner", _("Winner")
        CONTROL = "control", _("Control kept")
        INCONCLUSIVE = "inconclusive", _("Inconclusive")
        INVALID = "invalid", _("Invalid")
        DIFFERENT = "different", _("Wordings differ")
        OPEN = "open", _("Not decided")

    site = models.ForeignKey(
        Site, models.CASCADE, related_name="past_tests", verbose_name=_("site")
    )
    digest = models.CharField(max_length=64, editable=False)
    source = models.CharField(_("source"), max_length=10, choices=Source)
    experiment = models.OneToOneField(
        Experiment, models.CASCADE, related_name="past_test", null=True, editable=False
    )
    name = models.TextField(_("test"))
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict)
    best = models.TextField(_("best wording"), blank=True)
    lift = models.FloatField(_("lift"), null=True)
    lift_low = models.FloatField(null=True)
    lift_high = models.FloatField(null=True)
    metric = models.CharField(
        _("primary metric"),
        max_length=30,
        choices=Experiment.Metric,
        default=Experiment.Metric.CLICK_RATE,
    )
    slot = models.ForeignKey(
        Slot, models.CASCADE, related_name="past_tests", verbose_name=_("slot"), null=True
    )
    placement = models.TextField(_("position"), blank=True)
    audience = models.TextField(_("audience"), blank=True)
    locale = models.TextField(_("language"), blank=True)
    form = models.TextField(_("form"), blank=True)
    started_on = models.DateField(_("started"), null=True)
    ended_on = models.DateField(_("ended"), null=True)
    arms = models.JSONField(_("wordings"), default=empty_list)
    n_arms = models.PositiveIntegerField(_("wordings"), default=0)
    visitors = models.PositiveBigIntegerField(_("visitors"), default=0)
    clicks = models.PositiveBigIntegerField(_("clicks"), default=0)
    principles = models.TextField(_("principles"), blank=True)
    tags = models.TextField(_("tags"), blank=True)
    words = models.TextField(blank=True)
    suspect = models.BooleanField(_("suspect"), default=False)
    is_simulated = models.BooleanField(_("simulated"), default=False)
    is_shipped = models.BooleanField(_("shown to everybody"), default=False)
    kept_at = models.DateTimeField()

    class Meta:
        verbose_name = _("past test")
        verbose_name_plural = _("past tests")
        # Tests without a date come last: a stated order, equal on both databases.
        ordering = (F("ended_on").desc(nulls_last=True), "-pk")
        constraints = (
            models.UniqueConstraint(fields=("site", "digest"), name="past_test_once_a_site"),
            models.CheckConstraint(
                condition=Q(source="experiment", experiment__isnull=False)
                | Q(source="import", experiment__isnull=True),
                name="past_test_source_fits",
            ),
        )
        indexes = (
            models.Index(fields=("site", "-ended_on"), name="past_test_by_end"),
            # In SQLite the order of the list: its descending indexes have nulls last.
            models.Index(fields=("-ended_on", "-id"), name="past_test_latest"),
        )

    def __str__(self) -> str:
        return self.name


class Learning(models.Model):
    """A claim of a person about a subject of past tests; its status follows from the tests.

    `subject` is the key of a principle, of a form of a verb, of a slot or of an audience of the
    site; empty: the claim is about the linked tests alone.
    """

    # Stored; never rename.
    class Kind(models.TextChoices):
        PRINCIPLE = "principle", _("Principle")
        VERB_FORM = "verb_form", _("Form of the verb")
        SLOT = "slot", _("Slot")
        AUDIENCE = "audience", _("Audience")
        TESTS = "tests", _("The linked tests alone")

    site = models.ForeignKey(Site, models.CASCADE, related_name="learnings", verbose_name=_("site"))
    statement = models.CharField(
        _("statement"),
        max_length=300,
        help_text=_("One sentence, such as: Urgency lowers sign-ups in the footer."),
    )
    kind = models.CharField(_("about"), max_length=10, choices=Kind, default=Kind.TESTS)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    raises = models.BooleanField(
        _("it raises the result"),
        default=True,
        help_text=_("Without the tick the claim is that it lowers the result."),
    )
    note = models.TextField(_("note"), blank=True)
    tests = models.ManyToManyField(
        PastTest, verbose_name=_("tests"), related_name="learnings", blank=True
    )
    written_at = models.DateTimeField(_("written"), editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
        editable=False,
    )

    class Meta:
        verbose_name = _("learning")
        verbose_name_plural = _("learnings")
        ordering = ("-written_at", "-pk")
        constraints = (
            models.CheckConstraint(condition=~Q(statement=""), name="learning_says_something"),
            models.CheckConstraint(
                condition=Q(kind="tests", subject="")
                | (Q(kind__in=("principle", "verb_form", "slot", "audience")) & ~Q(subject="")),
                name="learning_has_its_subject",
            ),
        )

    def __str__(self) -> str:
        return self.statement
