from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY

from experiments.models import TaskRun
from experiments.services.monitoring import task_runs
from experiments.services.monitoring.task_runs import periodic_tasks, record_run

pytestmark = pytest.mark.on_both_databases
FOLD, NIGHTLY = "experiments.tasks.fold_rollups", "experiments.tasks.compare_rollups"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_written():
    task_runs._written.clear()


def record(*, at, name=FOLD, error=""):
    record_run(name=name, seconds=0.2, error=error, now=at)


def state(name, now):
    (found,) = [task for task in periodic_tasks(now=now) if name.endswith(f".{task.name}")]
    return found.is_overdue, found.has_failed


def test_runs_within_seconds_are_written_once_and_all_counted(db, django_assert_num_queries):
    def count():
        labels = {"task": "fold_rollups", "outcome": "succeeded"}
        return REGISTRY.get_sample_value("ctaopt_tasks_total", labels) or 0

    before = count()
    record(at=NOON)
    with django_assert_num_queries(0):
        for second in range(1, 4):
            record(at=NOON + timedelta(seconds=second))
    assert TaskRun.objects.get().ended_at == NOON
    assert count() - before == 4


def test_failure_and_recovery_are_written_at_once(db):
    record(at=NOON)
    record(at=NOON + timedelta(seconds=5), error="OperationalError")
    assert state(FOLD, NOON) == (False, True)
    assert TaskRun.objects.get().error == "OperationalError"
    record(at=NOON + timedelta(seconds=10))
    assert state(FOLD, NOON) == (False, False)


@pytest.mark.parametrize(("silence_s", "is_overdue"), [(60, False), (120, False), (130, True)])
def test_frequent_task_is_overdue_after_two_minutes(db, silence_s, is_overdue):
    record(at=NOON)
    assert state(FOLD, NOON + timedelta(seconds=silence_s))[0] is is_overdue


@pytest.mark.parametrize(
    ("hours", "is_overdue"),
    # It runs at 4:30 each night; last at 4:30 of the tenth.
    [(0, False), (23, False), (24.5, False), (25.5, True)],
)
def test_nightly_task_is_overdue_an_hour_after_its_time(db, hours, is_overdue):
    last = NOON.replace(hour=4, minute=30, second=2)
    record(name=NIGHTLY, at=last)
    assert state(NIGHTLY, last + timedelta(hours=hours))[0] is is_overdue


def test_task_that_never_ran_is_not_judged(db):
    assert {task.is_overdue for task in periodic_tasks(now=NOON)} == {False}


def test_silent_database_is_logged_and_asked_again(db, monkeypatch, caplog):
    def silent(**_):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(TaskRun.objects, "update_or_create", silent)
        record(at=NOON)
    assert "was not recorded: gone" in caplog.text
    record(at=NOON)
    assert TaskRun.objects.count() == 1
