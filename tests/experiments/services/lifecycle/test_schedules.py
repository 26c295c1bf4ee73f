from datetime import timedelta

import pytest

from experiments.models import Change, Experiment
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.schedules import set_schedule, tend_experiments
from experiments.tasks import tend_experiments as task
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

HOUR = timedelta(hours=1)
Status = Experiment.Status


def plan(experiment, starts_at=None, ends_at=None):
    return set_schedule(
        experiment=experiment, starts_at=starts_at, ends_at=ends_at, occasion=Occasion(now=NOW)
    )


def status():
    return Experiment.objects.get().status


def test_draft_starts_and_stops_at_its_time(draft):
    assert plan(draft, NOW + HOUR, NOW + 3 * HOUR)
    for hours, expected in ((0, "draft"), (1, "running"), (2, "running"), (3, "stopped")):
        tend_experiments(now=NOW + hours * HOUR)
        assert status() == expected
    assert Experiment.objects.get().stopped_at == NOW + 3 * HOUR


def test_paused_experiment_stops_at_its_time(slot):
    factories.make_running_experiment(slot, status=Status.PAUSED, ends_at=NOW)
    assert tend_experiments(now=NOW).stopped == ("hero-test",)


def test_draft_that_is_not_ready_says_why_once_and_holds_up_nobody(draft, site):
    draft.variants.filter(arm=1).update(share="0.4")
    ready = factories.make_experiment(factories.make_slot(site, "footer"), "ready", starts_at=NOW)
    Experiment.objects.update(starts_at=NOW)
    tended = tend_experiments(now=NOW)
    assert (tended.started, tended.not_started) == (("ready",), ("hero-test",))
    assert tend_experiments(now=NOW).not_started == ()
    assert draft.changes.get().note == "The shares add up to 90%; they must add up to 100%."
    assert ready.changes.get().kind == "start"


def test_task_tends_by_the_clock(draft):
    Experiment.objects.update(starts_at=NOW - timedelta(days=400))
    task()
    assert status() == "running"


@pytest.mark.parametrize(
    ("starts_at", "ends_at"), [(NOW + HOUR, NOW + HOUR), (None, NOW), (NOW + HOUR, NOW)]
)
def test_end_must_come_after_the_start_and_after_now(draft, starts_at, ends_at):
    with pytest.raises(ValueError, match=r"ends_at: .* does not come after"):
        plan(draft, starts_at, ends_at)


def test_start_must_be_to_come_unless_it_was_planned_before(draft):
    with pytest.raises(ValueError, match=r"starts_at: .* is over"):
        plan(draft, NOW)
    Experiment.objects.update(starts_at=NOW - HOUR)
    draft.refresh_from_db()
    assert plan(draft, NOW - HOUR, NOW + HOUR)


def test_what_has_ended_has_no_schedule(slot):
    ended = factories.make_running_experiment(slot, status=Status.STOPPED, stopped_at=NOW)
    assert not plan(ended, None, NOW + HOUR)
    assert not Change.objects.exists()
