"""Configuration revision: the number that makes serving processes reload."""

from django.db.models import F

from experiments.models import ConfigRevision


def bump_revision() -> None:
    """Tell every serving process that its snapshot is stale. Call in the writing transaction."""
    rows = ConfigRevision.objects.filter(pk=1)
    if not rows.update(number=F("number") + 1):
        # The first change ever; another process may be making it too.
        ConfigRevision.objects.bulk_create([ConfigRevision(pk=1)], ignore_conflicts=True)
        rows.update(number=F("number") + 1)
