from datetime import UTC, datetime, timedelta

import pytest

from experiments import tasks
from experiments.models import Change, Experiment
from experiments.services.operations.auto_rollback import note_in_words
from experiments.services.operations.planned_end import stop_planned_experiments
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
DAY = timedelta(days=1)
YESTERDAY = NOW.date() - DAY


def planned(slot, *, visitors=1_000, **changes):
    """An experiment planned for 1,000 visitors that had so many yesterday."""
    values = {"planned_visitors": 1_000, "ends_when_planned": True, "started_at": NOW - 7 * DAY}
    experiment = factories.make_running_experiment(slot, **(values | changes))
    half = visitors // 2
    count(experiment, (half, half // 10), (half, half // 10), day=YESTERDAY)
    return experiment


def keys():
    return [experiment.key for experiment in stop_planned_experiments(now=NOW)]


@pytest.mark.parametrize("plan", Experiment.Plan.values)
def test_experiment_stops_once_its_plan_is_reached(slot, plan):
    experiment = planned(slot, visitors=1_200, plan=plan)
    assert keys() == [experiment.key]
    experiment.refresh_from_db()
    assert (experiment.status, experiment.stopped_at) == (Experiment.Status.STOPPED, NOW)
    change = Change.objects.get()
    assert (change.kind, change.author) == (Change.Kind.STOP, None)
    words = note_in_words(change.kind, change.note)
    assert words == "The plan was reached: 1,200 of 1,000 visitors."
    assert keys() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"visitors": 998},
        {"ends_when_planned": False},
        {"planned_visitors": None},
        {"started_at": NOW - 7 * DAY + timedelta(seconds=1)},
        {"status": Experiment.Status.STOPPED, "stopped_at": NOW},
    ],
)
def test_experiment_goes_on_otherwise(slot, changes):
    planned(slot, **changes)
    assert keys() == []


def test_paused_experiment_stops_too(slot):
    experiment = planned(slot, status=Experiment.Status.PAUSED)
    assert keys() == [experiment.key]


def test_visitors_of_a_day_that_is_not_over_do_not_end_the_plan(slot):
    experiment = planned(slot, visitors=900)
    count(experiment, (500, 50), (500, 50), day=NOW.date())
    assert keys() == []


@pytest.mark.parametrize(
    ("zone", "has_ended"),
    # It is noon in UTC: in Fiji the day has just ended, a second ago it had not.
    [("Pacific/Fiji", True), ("Asia/Kathmandu", False), ("Europe/Paris", False)],
)
def test_plan_ends_with_a_day_of_the_experiments_zone(slot, zone, has_ended):
    experiment = planned(slot, visitors=900, days_in=zone, started_at=NOW - 9 * DAY)
    count(experiment, (500, 50), (500, 50), day=NOW.date())
    assert stop_planned_experiments(now=NOW - timedelta(seconds=1)) == []
    assert keys() == ([experiment.key] if has_ended else [])


@pytest.mark.parametrize(("zone", "hours"), [("Europe/Paris", 169), ("UTC", 168)])
def test_a_week_is_a_week_where_clocks_change(slot, zone, hours):
    """The clocks of Paris went back on 25 October."""
    started = datetime(2026, 10, 22, 9, 30, tzinfo=UTC)
    experiment = planned(slot, visitors=1_200, days_in=zone, started_at=started)
    experiment.rollups.update(day=started.date())
    almost = started + timedelta(hours=hours) - timedelta(seconds=1)
    assert stop_planned_experiments(now=almost) == []
    assert stop_planned_experiments(now=almost + timedelta(seconds=1)) == [experiment]


def test_site_that_waits_longer_is_waited_for(slot):
    slot.site.minimum_days = 14
    slot.site.save()
    planned(slot)
    assert keys() == []


def test_task_stops_by_the_clock(slot):
    experiment = planned(slot)
    tasks.stop_planned_experiments()
    experiment.refresh_from_db()
    assert experiment.status == Experiment.Status.STOPPED
