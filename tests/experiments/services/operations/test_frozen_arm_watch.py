"""Hours of real events, and what a cache in between makes of them."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import time_machine

from experiments.event_schema.ids import milliseconds
from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.models import CacheWatch, Event, Experiment, Phase
from experiments.services.events.partitions import make_partitions
from experiments.services.operations.frozen_arm_watch import MOST_HOURS, dismiss_alarm, watch_caches
from experiments.tasks import watch_for_frozen_arms
from tests import factories
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.on_both_databases

HOUR = timedelta(hours=1)


def expose(experiment, arm, n_visitors, *, at, prefix="v", **changes):
    """So many new visitors see one arm, a second after each other."""
    rows = []
    for number in range(n_visitors):
        moment = at + timedelta(seconds=number)
        sequence = Event.objects.count() + number
        rows.append(
            Event(
                event_id=UUID(int=(milliseconds(moment) << 80) | (7 << 76) | (2 << 62) | sequence),
                site=experiment.slot.site,
                type="exposure",
                visitor=f"{prefix}-{at:%d%H}-{arm}-{number}",
                experiment=experiment,
                variant=experiment.variants.get(arm=arm),
                occurred_at=moment,
                received_at=moment,
                batch=0,
                **changes,
            )
        )
    make_partitions([at.date()])
    Event.objects.bulk_create(rows)


def watch_of(experiment):
    return CacheWatch.objects.get(experiment=experiment)


def test_frozen_arm_raises_one_alarm_with_the_figures(running_experiment):
    expose(running_experiment, 1, 40, at=NOW - 2 * HOUR)
    (alarm,) = watch_caches(now=NOW + timedelta(minutes=20))
    assert (alarm.arm.key, alarm.in_arm, alarm.visitors, alarm.fraction) == ("b", 40, 40, 1.0)
    assert watch_of(running_experiment).alarmed_at == NOW + timedelta(minutes=20)
    expose(running_experiment, 0, 40, at=NOW)
    assert watch_caches(now=NOW + 2 * HOUR) == []


def test_arms_frozen_in_turn_are_found_though_the_sums_are_even(running_experiment):
    expose(running_experiment, 0, 30, at=NOW - 3 * HOUR)
    expose(running_experiment, 1, 30, at=NOW - 2 * HOUR)
    assert len(watch_caches(now=NOW)) == 1


def test_visitors_who_split_raise_no_alarm(running_experiment):
    for hours in range(4, 1, -1):
        for arm in (0, 1):
            expose(running_experiment, arm, 30, at=NOW - hours * HOUR)
    assert watch_caches(now=NOW) == []
    assert watch_of(running_experiment).evidence < 0


def test_hour_is_looked_at_once_and_only_when_its_events_are_in(running_experiment):
    expose(running_experiment, 0, 12, at=NOW)
    watch_caches(now=NOW + HOUR + timedelta(minutes=9))
    assert watch_of(running_experiment).checked_until == NOW
    assert watch_of(running_experiment).evidence == pytest.approx(0)
    watch_caches(now=NOW + HOUR + timedelta(minutes=10))
    evidence = watch_of(running_experiment).evidence
    assert evidence > 1
    watch_caches(now=NOW + HOUR + timedelta(minutes=30))
    assert watch_of(running_experiment).evidence == evidence


def test_returning_visitors_say_nothing_new(running_experiment):
    expose(running_experiment, 0, 8, at=NOW - 4 * HOUR)
    expose(running_experiment, 1, 8, at=NOW - 4 * HOUR)
    # The same people, all of one arm, hour by hour.
    again = Event.objects.filter(variant__arm=0)
    for hours in (3, 2):
        for event in list(again.filter(occurred_at__lt=NOW - 4 * HOUR + timedelta(minutes=1))):
            event.occurred_at += (4 - hours) * HOUR
            event.event_id = UUID(int=event.event_id.int + (milliseconds_of(4 - hours) << 80))
            Event.objects.bulk_create([event])
    watch_caches(now=NOW)
    assert watch_of(running_experiment).evidence <= 0


def milliseconds_of(hours):
    return hours * 3_600_000


def test_doubtful_events_are_left_out(running_experiment):
    expose(running_experiment, 1, 40, at=NOW - 2 * HOUR, flags=Event.Flag.BOT)
    assert watch_caches(now=NOW) == []


def test_visitors_are_weighed_by_the_shares_of_their_phase(running_experiment):
    courses = ([0.5, 0.5], 1.0), ([0.01, 0.99], 1.0)
    factories.make_phases(running_experiment, *courses, every=NOW - 5 * HOUR - STARTED)
    expose(running_experiment, 1, 40, at=NOW - 2 * HOUR, attributes={"phase": 1})
    assert watch_caches(now=NOW) == []
    # A page of before the change that a cache still keeps.
    expose(running_experiment, 1, 40, at=NOW - 2 * HOUR, prefix="w", attributes={})
    CacheWatch.objects.all().delete()
    (alarm,) = watch_caches(now=NOW)
    assert (alarm.in_arm, alarm.visitors) == (40, 40)


def test_carried_visitors_after_a_change_raise_no_alarm(running_experiment):
    """They come 90 to 10 among new ones who come 10 to 90."""
    courses = ([0.9, 0.1], 1.0), ([0.1, 0.9], 1.0)
    factories.make_phases(running_experiment, *courses, every=NOW - 5 * HOUR - STARTED)
    for hours in (4, 3, 2):
        at = NOW - hours * HOUR
        for phase, counts in ((0, (54, 6)), (1, (2, 18)), (UNKNOWN_PHASE, (40, 0))):
            attributes = {"phase": phase} if phase else {}
            for arm, n in enumerate(counts):
                expose(running_experiment, arm, n, at=at, prefix=phase, attributes=attributes)
    assert watch_caches(now=NOW) == []
    assert watch_of(running_experiment).evidence < 0


def test_hour_in_which_the_shares_changed_is_left_out(running_experiment):
    Phase.objects.create(
        experiment=running_experiment,
        number=1,
        started_at=NOW - 2 * HOUR + timedelta(minutes=5),
        shares=[0.5, 0.5],
        coverage=Decimal(1),
        slices=[[0, 5_000, 0], [5_000, 10_000, 1]],
    )
    expose(running_experiment, 1, 40, at=NOW - 2 * HOUR)
    assert watch_caches(now=NOW) == []


def test_long_pause_costs_a_bounded_number_of_queries(
    running_experiment, django_assert_max_num_queries
):
    assert NOW - STARTED > MOST_HOURS * HOUR
    with django_assert_max_num_queries(MOST_HOURS + 12):
        watch_caches(now=NOW)


def test_only_live_experiments_are_watched(running_experiment):
    Experiment.objects.update(status=Experiment.Status.STOPPED, stopped_at=NOW)
    watch_caches(now=NOW)
    assert not CacheWatch.objects.exists()


def test_dismissed_alarm_can_be_raised_again(running_experiment):
    expose(running_experiment, 1, 40, at=NOW - 2 * HOUR)
    assert dismiss_alarm(experiment=running_experiment) is False
    watch_caches(now=NOW)
    assert dismiss_alarm(experiment=running_experiment) is True
    assert watch_of(running_experiment).arm is None
    assert dismiss_alarm(experiment=running_experiment) is False
    expose(running_experiment, 0, 40, at=NOW)
    assert len(watch_caches(now=NOW + 2 * HOUR)) == 1


def test_task_says_it_in_the_log(running_experiment, caplog):
    expose(running_experiment, 1, 40, at=NOW - 2 * HOUR)
    with time_machine.travel(NOW, tick=False):
        watch_for_frozen_arms()
    assert "hero-test: one arm is frozen: a cache between you and the visitor?" in caplog.text
