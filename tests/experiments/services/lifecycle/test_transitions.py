from datetime import timedelta

import pytest

from experiments.models import Experiment, Variant
from experiments.selectors import serving
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.transitions import (
    archive_experiment,
    pause_experiment,
    resume_experiment,
    start_experiment,
    stop_experiment,
)
from tests import factories
from tests.factories import NOW, STARTED
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

Status = Experiment.Status
STEPS = {
    "start": lambda row: start_experiment(experiment=row, now=NOW),
    "pause": lambda row: pause_experiment(experiment=row, now=NOW),
    "resume": lambda row: resume_experiment(experiment=row, now=NOW),
    "stop": lambda row: stop_experiment(experiment=row, now=NOW),
    "archive": lambda row: archive_experiment(experiment=row, now=NOW),
}
WAYS_ON = {
    (Status.DRAFT, "start"): Status.RUNNING,
    (Status.RUNNING, "pause"): Status.PAUSED,
    (Status.RUNNING, "stop"): Status.STOPPED,
    (Status.PAUSED, "resume"): Status.RUNNING,
    (Status.PAUSED, "stop"): Status.STOPPED,
    (Status.STOPPED, "archive"): Status.ARCHIVED,
}


def in_state(slot, status):
    """An experiment of two arms in this state."""
    stamps = {} if status == Status.DRAFT else {"started_at": STARTED}
    if status in (Status.STOPPED, Status.ARCHIVED):
        stamps["stopped_at"] = STARTED + timedelta(days=1)
    return factories.make_experiment(slot, status=status, **stamps)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", Status)
def test_step_goes_only_where_its_state_leads(slot, status, step):
    experiment = in_state(slot, status)
    before = serving.config_revision()
    reached = WAYS_ON.get((status, step))
    assert STEPS[step](experiment) is (reached is not None)
    stored = Experiment.objects.get()
    assert stored.status == experiment.status == (reached or status)
    # Serving looks again if, and only if, something changed.
    assert serving.config_revision() == before + (reached is not None)


@pytest.mark.parametrize("step", STEPS)
def test_second_click_changes_nothing(slot, step):
    status = next(old for old, name in WAYS_ON if name == step)
    experiment = in_state(slot, status)
    other_tab = Experiment.objects.get()
    assert STEPS[step](experiment) is True
    assert STEPS[step](other_tab) is False
    assert other_tab.status == experiment.status


def test_start_and_stop_are_dated(draft):
    start_experiment(experiment=draft, now=STARTED)
    stop_experiment(experiment=draft, now=NOW)
    stored = Experiment.objects.get()
    assert (stored.started_at, stored.stopped_at) == (STARTED, NOW)
    assert (draft.started_at, draft.stopped_at) == (STARTED, NOW)


def test_running_experiment_is_not_judged_again(running_experiment):
    Variant.objects.filter(arm=1).update(share="0.1")
    assert start_experiment(experiment=running_experiment, now=NOW) is False


def test_rivals_started_at_the_same_moment_leave_one_running(real_database):
    slot = factories.make_slot(factories.make_site())
    space = slot.site.namespaces.create(key="space", seed="space")
    # Ranges overlap, which no constraint of the database can tell.
    part = {"namespace": space, "namespace_start": "0", "namespace_end": "0.6"}
    for number in range(5):
        drafts = [factories.make_experiment(slot, f"{number}-{n}", **part) for n in range(3)]
        outcomes = in_threads(
            *(lambda one=one: start_experiment(experiment=one, now=NOW) for one in drafts)
        )
        refused = [one for one in outcomes if isinstance(one, CannotStartError)]
        assert (outcomes.count(True), len(refused)) == (1, 2)
        running = Experiment.objects.get(status=Status.RUNNING)
        stop_experiment(experiment=running, now=NOW)
