"""Last runs of the periodic tasks, and which of them are overdue."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from celery.schedules import crontab
from django.conf import settings
from django.db import Error
from prometheus_client import Counter, Histogram

from experiments.models import TaskRun
from experiments.selectors import monitoring

logger = logging.getLogger(__name__)

# Least interval between two writes about one task with one outcome, in one process.
WRITE_EVERY_S = 15.0
# Patience beyond the time at which a task was due: some periods, or for a nightly one an hour.
PERIODS_OF_GRACE = 2
LEAST_GRACE = timedelta(minutes=2)
GRACE_OF_NIGHT = timedelta(hours=1)
RUNS = Counter("ctaopt_tasks_total", "Runs of tasks.", ("task", "outcome"))
SECONDS = Histogram(
    "ctaopt_task_seconds",
    "Duration of tasks.",
    ("task",),
    buckets=(0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0),
)
_written: dict[tuple[str, bool], float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """A task of the clock's, with its last run."""

    name: str
    run: TaskRun | None
    is_overdue: bool

    @property
    def has_failed(self) -> bool:
        """True if the last run failed."""
        run = self.run
        return bool(run and run.failed_at and (not run.ended_at or run.failed_at > run.ended_at))


def record_run(*, name: str, seconds: float, error: str, now: datetime) -> None:
    """Record the end of a task's run; runs that follow within seconds are not written.

    Args:
        name: Name of the task.
        seconds: Its duration.
        error: Kind of the exception that ended it; empty if it succeeded.
        now: Time of the end.
    """
    short = name.rpartition(".")[2]
    RUNS.labels(short, "failed" if error else "succeeded").inc()
    SECONDS.labels(short).observe(seconds)
    key, at = (name, bool(error)), monotonic()
    if at - _written.get(key, float("-inf")) < WRITE_EVERY_S:
        return
    outcome: dict[str, Any] = (
        {"failed_at": now, "error": error[:100]} if error else {"ended_at": now}
    )
    try:
        TaskRun.objects.update_or_create(name=name, defaults={**outcome, "seconds": seconds})
    except Error as failure:
        logger.warning("the run of %s was not recorded: %s", name, failure)
        return
    _written[key] = at
    # The next success after a failure is news.
    _written.pop((name, not error), None)


def periodic_tasks(*, now: datetime) -> list[PeriodicTask]:
    """Return the tasks of the clock in the order of their names."""
    runs = monitoring.task_runs()
    entries: Mapping[str, Mapping[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    tasks = [
        PeriodicTask(
            name=entry["task"].rpartition(".")[2],
            run=(run := runs.get(entry["task"])),
            is_overdue=_is_overdue(entry["schedule"], run, now),
        )
        for entry in entries.values()
    ]
    return sorted(tasks, key=lambda task: task.name)


def _is_overdue(schedule: Any, run: TaskRun | None, now: datetime) -> bool:
    """Return whether a task should have run by now; one that never ran is not judged."""
    if run is None or run.ended_at is None:
        return False
    if not isinstance(schedule, crontab):
        period = timedelta(seconds=float(schedule))
        return now - run.ended_at > period + max(LEAST_GRACE, PERIODS_OF_GRACE * period)
    after_last, delta, _ = schedule.remaining_delta(run.ended_at)
    due: datetime = after_last + delta
    return now - due > GRACE_OF_NIGHT
