"""Search for bursts of few senders; what they sent is flagged and counted again without it.

A search reads the counts that the folds write, with the experiment locked: the counts and the
rollups are of the same events, so nothing that is found can move a decision under the same lock.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

import numpy as np
from django.db import transaction
from django.db.models import F, Q

from experiments.models import Burst, Event, Experiment, PendingBatch, SenderCount
from experiments.selectors import senders
from experiments.services.rollups.folding import fold_in_experiment, lock_experiments
from experiments.services.rollups.sender_counts import SLOT, UNKNOWN
from experiments.stats.health.sender_bursts import (
    LEAST_OTHERS,
    SenderSplit,
    concentrated_senders,
    one_sided_senders,
)

# Slots that may still grow: events wait for the fold.
SEARCHED = timedelta(hours=2)
# What is usual is known from so long a time; details are kept for less.
REMEMBERED, DETAILED = timedelta(days=8), timedelta(days=2)
BURST = int(Event.Flag.BURST)
NEARLY_ALL = 0.95
# Whoever hides visitors behind several addresses shows after as many searches at most.
MOST_SEARCHES = 5

Day = Sequence[SenderCount]


def find_bursts(*, now: datetime) -> list[Burst]:
    """Search every live experiment with new visitors; return the bursts that grew."""
    found = []
    for pk in senders.experiments_with_new_visitors(since=now - SEARCHED):
        with transaction.atomic():
            lock_experiments({pk})
            found += bursts_in(pk, now=now)
    return found


def bursts_in(experiment_id: int, *, now: datetime) -> list[Burst]:
    """Flag what bursts sent to one experiment; return those that grew.

    The caller has locked the experiment, and the next fold counts its visitors without them.
    """
    return [burst for burst, _ in _searched(experiment_id, now=now)]


def bursts_counted_out(experiment: Experiment, *, now: datetime) -> bool:
    """Flag what bursts sent, and count the experiment again without it, until nothing is found.

    What was sent twice shows only after the first half is out. The caller has locked the
    experiment; the batches go on waiting, for what they change in others.

    Returns:
        False if bursts are still found after `MOST_SEARCHES`.
    """
    for _ in range(MOST_SEARCHES):
        batches = [batch for _, batch in _searched(experiment.pk, now=now)]
        if not batches:
            return True
        fold_in_experiment(experiment, batches=batches)
    return False


def _searched(experiment_id: int, *, now: datetime) -> list[tuple[Burst, int]]:
    """Return the bursts that grew, each with the batch of its events."""
    found = []
    for day in sorted({(now - SEARCHED).date(), now.date()}):
        counts = senders.counts_of_day(experiment_id=experiment_id, day=day)
        suspects = [*_concentrated(experiment_id, counts, now), *_one_sided(counts)]
        batch = _flag(suspects, now)
        if batch is not None:
            found.append((_recorded(experiment_id, day, counts), batch))
    return found


def _concentrated(experiment_id: int, counts: Day, now: datetime) -> list[SenderCount]:
    """Return the counts of senders that brought far more in a slot than usual, and just before."""
    slots: dict[datetime, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in counts:
        if row.sender != UNKNOWN:
            slots[row.slot][row.sender] += row.visitors
    suspects = []
    for slot, visitors in slots.items():
        # The usual is asked for only where somebody would be conspicuous without it.
        if slot < now - SEARCHED or not concentrated_senders(visitors, usual=0):
            continue
        usual = _usual(experiment_id, slot)
        marked = set(concentrated_senders(visitors, usual=usual))
        times = (slot, slot - SLOT)
        suspects += [row for row in counts if row.sender in marked and row.slot in times]
    return suspects


def _usual(experiment_id: int, slot: datetime) -> int | None:
    most, everybody = senders.usual_visitors(
        experiment_id=experiment_id, since=slot - REMEMBERED, before=slot
    )
    return most if everybody >= LEAST_OTHERS else None


def _one_sided(counts: Day) -> list[SenderCount]:
    """Return the counts of senders whose visitors of the day split unlike everybody's."""
    names = sorted({row.sender for row in counts} - {UNKNOWN})
    phases = sorted({row.phase for row in counts})
    arms = sorted({row.variant_id for row in counts})
    if not names or len(arms) < 2:
        return []
    table = np.zeros((len(names) + 1, len(phases), len(arms)), dtype=np.int64)
    for row in counts:
        place = len(names) if row.sender == UNKNOWN else names.index(row.sender)
        table[place, phases.index(row.phase), arms.index(row.variant_id)] += row.visitors
    split = SenderSplit(senders=table[:-1], unknown=table[-1])
    marked = {names[index] for index in one_sided_senders(split)}
    return [row for row in counts if row.sender in marked]


def _flag(suspects: Sequence[SenderCount], now: datetime) -> int | None:
    """Flag the events behind these counts for another fold; return its batch.

    The same visitors' other exposures are in it too, to be looked at as those of new visitors.
    None if all were flagged.
    """
    if not suspects:
        return None
    n_events = 0
    batch = PendingBatch.objects.create(n_events=0, stored_at=now)
    for row in {row.pk: row for row in suspects}.values():
        row.is_burst = True
        events = senders.events_of_burst(row)
        n_events += events.update(flags=F("flags").bitor(BURST), batch=batch.pk)
    if not n_events:
        batch.delete()
        return None
    site_id = suspects[0].experiment.slot.site_id
    others = senders.other_exposures(batch=batch.pk, site_id=site_id, since=now)
    n_events += others.update(batch=batch.pk)
    SenderCount.objects.filter(pk__in=[row.pk for row in suspects]).update(is_burst=True)
    PendingBatch.objects.filter(pk=batch.pk).update(n_events=n_events)
    return batch.pk


def _recorded(experiment_id: int, day: date, counts: Day) -> Burst:
    bursts = [row for row in counts if row.is_burst]
    core = _core(bursts)
    burst, _ = Burst.objects.update_or_create(
        experiment_id=experiment_id,
        day=day,
        defaults={
            "first_at": min(row.first_at for row in core),
            "last_at": max(row.last_at for row in core),
            "n_senders": len({row.sender for row in bursts}),
            "visitors": sum(row.visitors for row in bursts),
            "all_visitors": sum(row.visitors for row in counts),
        },
    )
    return burst


def _core(bursts: Day) -> Day:
    """Return the largest counts that make up nearly all of a burst: its time is theirs.

    The others are of honest visitors in the same group, at any time of the day.
    """
    needed = NEARLY_ALL * sum(row.visitors for row in bursts)
    ranked = sorted(bursts, key=lambda row: -row.visitors)
    reached = list(accumulate(row.visitors for row in ranked))
    return ranked[: bisect_left(reached, needed) + 1]


def forget_senders(*, now: datetime) -> int:
    """Delete old counts; of a past day the slot of its largest sender stays for a week."""
    deleted, _ = SenderCount.objects.filter(slot__lt=now - REMEMBERED).delete()
    detailed_from = datetime.combine((now - DETAILED).date(), datetime.min.time(), tzinfo=UTC)
    past = SenderCount.objects.filter(slot__lt=detailed_from).order_by("pk")
    days: dict[tuple[int, date], dict[tuple[datetime, int], int]] = defaultdict(
        lambda: defaultdict(int)
    )
    for row in past.filter(is_burst=False).exclude(sender=UNKNOWN).iterator():
        days[row.experiment_id, row.slot.date()][row.slot, row.sender] += row.visitors
    kept = Q(pk__in=[])
    for (experiment, _), sums in days.items():
        slot, sender = max(sums, key=lambda place: sums[place])
        kept |= Q(experiment=experiment, slot=slot, sender=sender)
    thinned, _ = past.exclude(kept).delete()
    return deleted + thinned
