"""Frozen-arm watch: detect a cache that serves one arm, from the hourly split of new visitors.

New visitors of an hour split by the shares, however few they are. A cache that keeps a page
with a chosen CTA breaks that hour by hour, even where the days look right.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from experiments.assignment.phases import propensities
from experiments.event_schema.ids import first_id_at
from experiments.models import CacheWatch, Experiment
from experiments.selectors import events, lifecycle
from experiments.stats.health.frozen_arm import ALARM, gathered_evidence, hour_evidence

HOUR = timedelta(hours=1)
# Time allowed for the events of an hour to arrive; later ones are not examined.
PATIENCE = timedelta(minutes=10)
# Most hours examined after a long pause, with one query each.
MOST_HOURS = 48


def watch_caches(*, now: datetime) -> list[CacheWatch]:
    """Weigh the hours that have ended since the last look; return the new alarms."""
    until = _hour_of(now - PATIENCE)
    alarms = (_watch(experiment, until, now) for experiment in lifecycle.experiments_to_watch())
    return [watch for watch in alarms if watch is not None]


def dismiss_alarm(*, experiment: Experiment) -> bool:
    """Forget an alarm whose cause was found; return False if there is none."""
    cleared = CacheWatch.objects.filter(experiment=experiment, alarmed_at__isnull=False).update(
        alarmed_at=None, arm=None, fraction=None, visitors=0, in_arm=0, evidence=0.0
    )
    return cleared == 1


@transaction.atomic
def _watch(experiment: Experiment, until: datetime, now: datetime) -> CacheWatch | None:
    """Return the watch if this look raised its alarm."""
    first_hour = _hour_of(experiment.started_at or until)
    CacheWatch.objects.get_or_create(experiment=experiment, defaults={"checked_until": first_hour})
    # If two workers watch at once, the second one finds the hours done.
    watch = CacheWatch.objects.select_for_update().get(experiment=experiment)
    had_alarm = watch.alarmed_at is not None
    variants = list(experiment.variants.all())
    for start in _hours(max(watch.checked_until, until - MOST_HOURS * HOUR), until):
        shares = _shares(experiment, start)
        if shares is None:
            continue
        visitors = events.new_visitors(
            experiment=experiment, first=first_id_at(start), end=first_id_at(start + HOUR)
        )
        counts = [visitors.get(variant.pk, 0) for variant in variants]
        hour = hour_evidence(counts, shares)
        watch.evidence = gathered_evidence(watch.evidence, hour)
        if watch.evidence >= ALARM and watch.alarmed_at is None:
            watch.alarmed_at, watch.fraction = now, hour.fraction
            watch.arm, watch.in_arm = variants[hour.arm], counts[hour.arm]
            watch.visitors = sum(counts)
    watch.checked_until = max(watch.checked_until, until)
    watch.save()
    return watch if watch.alarmed_at is not None and not had_alarm else None


def _shares(experiment: Experiment, start: datetime) -> tuple[float, ...] | None:
    """Return the shares of an hour; None where they changed within it."""
    variants, phases = experiment.variants.all(), list(experiment.phases.all())
    if any(start < phase.started_at < start + HOUR for phase in phases):
        return None
    past_phases = [phase for phase in phases if phase.started_at <= start]
    if not past_phases:
        return tuple(float(variant.share) for variant in variants)
    return propensities(past_phases[-1].slices, len(variants))


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += HOUR
