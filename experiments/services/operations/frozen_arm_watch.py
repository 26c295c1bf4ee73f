"""Frozen-arm watch: detect a cache that serves one arm, from the hourly split of new visitors.

New visitors of an hour split by the shares, however few they are. A cache that keeps a page
with a chosen CTA breaks that hour by hour, even where the days look right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from experiments.assignment.phases import propensities
from experiments.event_schema.ids import first_id_at
from experiments.models import CacheWatch, Experiment, Notice, Variant
from experiments.selectors import events, lifecycle
from experiments.services.lifecycle.outbox import tell_of
from experiments.stats.health.frozen_arm import (
    ALARM,
    HourEvidence,
    gathered_evidence,
    hour_evidence,
)

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
        if _has_change(experiment, start):
            continue
        hour, counts = _weighed_hour(experiment, variants, start)
        watch.evidence = gathered_evidence(watch.evidence, hour)
        if watch.evidence >= ALARM and watch.alarmed_at is None:
            watch.alarmed_at, watch.fraction = now, hour.fraction
            watch.arm, watch.in_arm = variants[hour.arm], counts[hour.arm]
            watch.visitors = sum(counts)
    watch.checked_until = max(watch.checked_until, until)
    watch.save()
    if watch.alarmed_at is None or had_alarm:
        return None
    _tell(watch, now)
    return watch


def _tell(watch: CacheWatch, now: datetime) -> None:
    facts = {
        "code": "frozen_arm",
        "arm": watch.arm.key if watch.arm else "",
        "visitors": watch.visitors,
        "in_arm": watch.in_arm,
    }
    moment = now.isoformat(timespec="seconds")
    tell_of(
        watch.experiment,
        Notice.Kind.SPLIT,
        occurrence=f"frozen_arm:{moment}",
        now=now,
        facts=facts,
    )


def _weighed_hour(
    experiment: Experiment, variants: Sequence[Variant], start: datetime
) -> tuple[HourEvidence, Sequence[int]]:
    """Return the evidence of an hour, with the counts of the phase that adds most to it.

    Visitors who were first answered in an earlier phase are split by its shares; in each phase
    the evidence is a likelihood ratio of its own, so the logarithms add up. Those of an unknown
    phase are left out.
    """
    visitors = events.new_visitors(
        experiment=experiment, first=first_id_at(start), end=first_id_at(start + HOUR)
    )
    strongest, strongest_counts, log_e = HourEvidence(log_e=0.0, arm=0, fraction=1.0), [0], 0.0
    for number, shares in _shares_of_phases(experiment, variants).items():
        counts = [visitors.get(number, {}).get(variant.pk, 0) for variant in variants]
        if sum(counts):
            evidence = hour_evidence(counts, shares)
            log_e += evidence.log_e
            if strongest_counts == [0] or evidence.log_e > strongest.log_e:
                strongest, strongest_counts = evidence, counts
    return replace(strongest, log_e=log_e), strongest_counts


def _has_change(experiment: Experiment, start: datetime) -> bool:
    """Return whether shares changed within an hour."""
    return any(start < phase.started_at < start + HOUR for phase in experiment.phases.all())


def _shares_of_phases(
    experiment: Experiment, variants: Sequence[Variant]
) -> dict[int, Sequence[float]]:
    phases: dict[int, Sequence[float]] = {
        phase.number: propensities(phase.slices, len(variants)) for phase in experiment.phases.all()
    }
    return phases or {0: [float(variant.share) for variant in variants]}


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += HOUR
