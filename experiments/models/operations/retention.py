"""Records of what was dropped by age, erased or backed up, of secrets and of the revision."""

from django.db import models
from django.db.models import Q

from experiments.models.site import Site


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


class SecretDigest(models.Model):
    """Keyed digest of a `SECRET_KEY` of this installation; the newest row is the present one.

    A process with another secret would not know erased visitors again, and starts with none.
    """

    # Stored, like its salt in services/installation/secret_identity.py; never rename.
    digest = models.CharField(max_length=64, unique=True)
    first_used_at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.digest[:8]


class SiteSecret(models.Model):
    """Key of a site's digests: of visitors and order numbers. It never changes.

    It is encrypted with `SECRET_KEY`: a copy of the database alone does not show whose digests
    are in it. `fingerprint` is that of the key itself, before encryption.
    """

    # Stored; never rename.
    class Visitors(models.TextChoices):
        """Form in which the site's visitors are kept."""

        AS_SENT = "as_sent", "as sent"
        # Nothing of the site is counted meanwhile.
        MOVING = "moving", "digests; those from before are replaced"
        DIGESTS = "digests", "digests"

    site = models.OneToOneField(
        Site, models.CASCADE, primary_key=True, related_name="digest_secret"
    )
    encrypted = models.TextField()
    fingerprint = models.CharField(max_length=16)
    visitors = models.CharField(
        max_length=10, choices=Visitors, default=Visitors.AS_SENT, db_default=Visitors.AS_SENT
    )

    def __str__(self) -> str:
        return f"{self.site_id}:{self.fingerprint}"


class BackupRecord(models.Model):
    """One finished backup, by whichever machine wrote it."""

    made_at = models.DateTimeField()
    place = models.CharField(max_length=500, help_text="Machine and folder.")
    n_bytes = models.PositiveBigIntegerField()

    class Meta:
        ordering = ("-made_at",)

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M} {self.place}"


class ConfigRevision(models.Model):
    """One row: a number that moves with every change of what is served."""

    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(pk=1), name="config_revision_one_row"),)

    def __str__(self) -> str:
        return str(self.number)
