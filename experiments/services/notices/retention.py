"""Retention of notices: a year, and of what waits for nobody any more."""

from datetime import datetime, timedelta

from experiments.models import Notice

# Two quarters are compared; beyond that the history of each test has it all.
KEPT = timedelta(days=365)


def drop_old_notices(*, now: datetime) -> int:
    """Delete notices that are older than a year, with their deliveries; return how many."""
    old = Notice.objects.filter(at__lt=now - KEPT)
    dropped = old.count()
    old.delete()
    return dropped
