"""Heartbeats of the worker and of its clock, and the runs of tasks, from Celery's signals.

Imported once Django is ready.
"""

import os
from time import monotonic
from typing import Any

from celery import signals
from django.conf import settings
from django.db import Error
from django.utils import timezone

from experiments.services.monitoring import heartbeats
from experiments.services.monitoring.heartbeats import Heart, Role, process_name
from experiments.services.monitoring.process_metrics import share_metrics
from experiments.services.monitoring.task_runs import record_run

# A clock that has sent nothing for so long stands still, though its process lives.
LONGEST_PAUSE_S = 60.0
TASKS = "experiments.tasks."


class _Process:
    """State of this process."""

    def __init__(self) -> None:
        self.worker: Heart | None = None
        self.beat: Heart | None = None
        self.sent_at = monotonic()
        self.began: dict[str, float] = {}


_mine = _Process()


@signals.worker_ready.connect
@signals.worker_process_init.connect
def share_counters(**_: Any) -> None:
    """Share the worker's counters; a pool of processes counts in its children."""
    share_metrics(
        folder=settings.CTAOPT_METRICS_DIR, role="worker", address=settings.CTAOPT_METRICS_ADDRESS
    )


@signals.worker_ready.connect
def worker_is_ready(**_: Any) -> None:
    _mine.worker = Heart(Role.WORKER)
    _mine.worker.start()


@signals.beat_init.connect
def beat_is_ready(**_: Any) -> None:
    _start_beat(process_name())


@signals.beat_embedded_init.connect
def embedded_beat_is_ready(**_: Any) -> None:
    """Name the clock of a worker after the worker, which stops it without a word."""
    _start_beat(process_name(os.getppid()))


def _start_beat(process: str) -> None:
    note_sending()
    _mine.beat = Heart(Role.BEAT, process=process, is_alive=clock_goes)
    _mine.beat.start()


@signals.worker_shutdown.connect
def worker_stops(**_: Any) -> None:
    """Record that the worker, and the clock in it, were stopped on purpose."""
    if _mine.worker is None:
        return
    _mine.worker.stop()
    try:
        heartbeats.stop(Role.BEAT, process_name(), now=timezone.now())
    except Error as error:
        heartbeats.logger.warning("the stop of the clock was not recorded: %s", error)


@signals.after_task_publish.connect
def note_sending(**_: Any) -> None:
    _mine.sent_at = monotonic()


def clock_goes() -> bool:
    """Return whether this process has sent a task within the last minute."""
    return monotonic() - _mine.sent_at < LONGEST_PAUSE_S


@signals.task_prerun.connect
def task_begins(task_id: str = "", **_: Any) -> None:
    _mine.began[task_id] = monotonic()


@signals.task_postrun.connect
def task_ends(
    task_id: str = "", task: Any = None, state: str | None = None, retval: Any = None, **_: Any
) -> None:
    """Record the run of one of our tasks."""
    seconds = monotonic() - _mine.began.pop(task_id, monotonic())
    if task.request.is_eager or not task.name.startswith(TASKS):
        return
    error = "" if state == "SUCCESS" else type(retval).__name__
    record_run(name=task.name, seconds=seconds, error=error, now=timezone.now())
