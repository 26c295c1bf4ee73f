"""Records of raw events that were dropped by age or erased with a visitor."""

from django.db import models

from experiments.models.catalogue import Site


class ErasedVisitor(models.Model):
    """Keeps late copies of an erased visitor's events out, without saying who it was.

    Needed while ingestion still accepts events from before the erasure, and deleted then.
    """

    site = models.ForeignKey(Site, models.CASCADE, related_name="erased_visitors")
    digest = models.CharField(max_length=64, help_text="Keyed hash of the visitor.")
    erased_at = models.DateTimeField()
    n_events = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("site", "digest"), name="erased_visitor_once_a_site"),
        )

    def __str__(self) -> str:
        return f"{self.site_id}:{self.digest[:8]}"


class EventDrop(models.Model):
    """One drop of old raw events; those whose ids are of earlier days than `before` are gone."""

    before = models.DateField()
    dropped_at = models.DateTimeField()
    n_events = models.PositiveBigIntegerField()

    class Meta:
        ordering = ("-before",)

    def __str__(self) -> str:
        return f"{self.before}"
