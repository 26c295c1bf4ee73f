"""Gauges of the installation's state, read when Prometheus asks."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import Error
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from experiments.redis_errors import redis_error
from experiments.selectors import monitoring, reports, rollups
from experiments.services.events.redis_stream import configured_stream
from experiments.services.monitoring.event_intake import rejected_shares
from experiments.services.monitoring.readiness import all_checks, free_bytes
from experiments.services.monitoring.standstill import role_states
from experiments.services.monitoring.task_runs import periodic_tasks

logger = logging.getLogger(__name__)


def state_metrics(*, snapshot_age_s: float | None) -> Iterator[Metric]:
    """Return every gauge; those that a silent database prevents are left out, not old."""
    now = timezone.now()
    for read in READ:
        try:
            yield from list(read(now))
        except Error:
            logger.warning("metrics: the database did not say what it warns of")
        except redis_error() as error:
            logger.warning("Redis does not answer: %s", error)
    yield from _machine(snapshot_age_s)
    yield _checks(now, snapshot_age_s)


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ctaopt_{name}", documentation, labels=labels)


def _alarms(_: datetime) -> Iterator[Metric]:
    frozen = _gauge(
        "frozen_arm",
        "1 while a cache seems to give one arm of the experiment to everybody.",
        *("site", "experiment"),
    )
    for alarm in reports.cache_alarms():
        frozen.add_metric((alarm.experiment.slot.site.key, alarm.experiment.key), 1)
    yield frozen
    differing = _gauge(
        "rollup_rows_differing",
        "Rows of rollups that the nightly count of the events does not confirm.",
        *("site", "experiment"),
    )
    for check in rollups.rollup_alarms():
        labels = (check.experiment.slot.site.key, check.experiment.key)
        differing.add_metric(labels, check.n_differing)
    yield differing


def _waiting(now: datetime) -> Iterator[Metric]:
    waiting = _gauge("events_waiting", "Events that the rollups do not count yet.")
    waiting.add_metric((), rollups.waiting_events())
    yield waiting
    oldest = _gauge("oldest_waiting_batch_seconds", "Age of the oldest events not counted yet.")
    at = monitoring.oldest_waiting_batch()
    oldest.add_metric((), max((now - at).total_seconds(), 0.0) if at else 0.0)
    yield oldest
    checked = _gauge("rollup_check_age_seconds", "Time since the nightly count of the events.")
    if last := monitoring.last_rollup_check():
        checked.add_metric((), (now - last).total_seconds())
    yield checked


def _life(now: datetime) -> Iterator[Metric]:
    ages = _gauge(
        "heartbeat_age_seconds", "Time since a process of the role gave a sign of life.", "role"
    )
    silent = _gauge("role_silent", "1 while a role that is needed gives no sign of life.", "role")
    for state in role_states(now=now):
        if state.last_seen is not None:
            ages.add_metric((state.role.value,), (now - state.last_seen).total_seconds())
        silent.add_metric((state.role.value,), state.is_silent)
    yield ages
    yield silent
    tasks = _gauge("task_age_seconds", "Time since a periodic task last succeeded.", "task")
    overdue = _gauge("task_overdue", "1 while a periodic task is overdue or has failed.", "task")
    for task in periodic_tasks(now=now):
        if task.run is not None and task.run.ended_at is not None:
            tasks.add_metric((task.name,), (now - task.run.ended_at).total_seconds())
        overdue.add_metric((task.name,), task.is_overdue or task.has_failed)
    yield tasks
    yield overdue


def _rejected(now: datetime) -> Iterator[Metric]:
    shares = _gauge(
        "rejected_event_share", "Share of rejected events in the last hours, by site.", "site"
    )
    for one in rejected_shares(now=now):
        shares.add_metric((one.site,), one.share)
    yield shares


def _stream(_: datetime) -> Iterator[Metric]:
    stream = configured_stream()
    if stream is None:
        return
    depths = stream.depths()
    entries = _gauge(
        "event_stream_entries",
        "Requests in the Redis Stream: waiting, of these being stored, and dead ones.",
        "state",
    )
    entries.add_metric(("waiting",), depths.waiting)
    entries.add_metric(("pending",), depths.pending)
    entries.add_metric(("dead",), depths.dead)
    yield entries


READ: tuple[Callable[[datetime], Iterator[Metric]], ...] = (
    _alarms,
    _waiting,
    _life,
    _rejected,
    _stream,
)


def _machine(snapshot_age_s: float | None) -> Iterator[Metric]:
    free = _gauge("disk_free_bytes", "Space that is left for the data folder.")
    free.add_metric((), free_bytes())
    yield free
    age = _gauge("snapshot_age_seconds", "Time since the configuration was known to be the newest.")
    if snapshot_age_s is not None:
        age.add_metric((), snapshot_age_s)
    yield age


def _checks(now: datetime, snapshot_age_s: float | None) -> Metric:
    checks = _gauge("check_ok", "1 if a check of /readyz?verbose finds no problem.", "check")
    for check in all_checks(now=now, snapshot_age_s=snapshot_age_s):
        checks.add_metric((check.name,), check.is_ok)
    return checks
