"""History of past tests imported from elsewhere, as training data of the predictor."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from experiments.models.operations.jobs import Upload
from experiments.models.site import Site


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
