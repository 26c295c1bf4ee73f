from types import SimpleNamespace

import pytest

from ctaopt.observability import signs_of_life
from experiments.models import TaskRun
from experiments.services.monitoring import task_runs


@pytest.fixture(autouse=True)
def nothing_written():
    task_runs._written.clear()


def run(name, *, state="SUCCESS", retval=None, is_eager=False):
    task = SimpleNamespace(name=name, request=SimpleNamespace(is_eager=is_eager))
    signs_of_life.task_begins(task_id="t-1")
    signs_of_life.task_ends(task_id="t-1", task=task, state=state, retval=retval)


def test_runs_of_our_tasks_are_recorded(db):
    run("experiments.tasks.fold_rollups")
    run("celery.backend_cleanup")
    run("experiments.tasks.drop_events", state="FAILURE", retval=OSError(28, "full"))
    kept = {row.name.rpartition(".")[2]: row for row in TaskRun.objects.all()}
    assert set(kept) == {"fold_rollups", "drop_events"}
    assert kept["fold_rollups"].ended_at
    assert (kept["drop_events"].ended_at, kept["drop_events"].error) == (None, "OSError")
    assert signs_of_life._mine.began == {}


def test_task_within_a_request_is_no_sign_of_a_worker(db):
    run("experiments.tasks.fold_rollups", is_eager=True)
    assert not TaskRun.objects.exists()


def test_clock_that_sends_nothing_stands_still(monkeypatch):
    signs_of_life.note_sending()
    assert signs_of_life.clock_goes()
    later = signs_of_life.monotonic() + signs_of_life.LONGEST_PAUSE_S
    monkeypatch.setattr(signs_of_life, "monotonic", lambda: later)
    assert not signs_of_life.clock_goes()
