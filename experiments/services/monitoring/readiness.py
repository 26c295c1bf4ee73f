"""Checks of everything that the service needs, each with its figures and no secret.

A balancer needs few of them (`experiments.api.public.health`); the others show people what
stands still.
"""

import os
import pkgutil
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext_noop
from kombu.exceptions import OperationalError as BrokerError

from experiments.redis_errors import redis_error
from experiments.selectors import monitoring
from experiments.services.events.redis_stream import configured_stream
from experiments.services.monitoring.event_intake import rejected_shares
from experiments.services.monitoring.standstill import role_states
from experiments.services.monitoring.task_runs import periodic_tasks

Figures = Mapping[str, Any]
# A fold takes seconds and comes every five; nobody waits this long while all is well.
LONGEST_WAIT = timedelta(minutes=5)
# The snapshot's revision is looked at every second.
OLDEST_SNAPSHOT_S = 30.0
# Of the night's check, which runs once a day.
OLDEST_CHECK = timedelta(hours=26)
BROKER_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of a check: a problem in a few words, or none, and figures."""

    name: str
    problem: str = ""
    figures: Figures = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        return not self.problem


@cache
def migration_names() -> frozenset[tuple[str, str]]:
    """Return the migrations that this code brings, by application and name; none is imported."""
    names = set()
    for app in apps.get_app_configs():
        if (Path(app.path) / "migrations").is_dir():
            package = import_module(f"{app.name}.migrations")
            names |= {
                (app.label, module.name)
                for module in pkgutil.iter_modules(package.__path__)
                if module.name[0] not in "_~"
            }
    return frozenset(names)


def unapplied_migrations() -> int:
    """Return how many migrations the database lacks; two queries.

    Raises:
        django.db.Error: If the database does not answer.
    """
    return len(migration_names() - MigrationRecorder(connection).applied_migrations().keys())


def all_checks(*, now: datetime, snapshot_age_s: float | None) -> list[Check]:
    """Return every check; those that a silent database prevents are problems, too.

    Args:
        now: Time of the checks.
        snapshot_age_s: Seconds since this process last knew its snapshot to be the newest; None
            if it has none.
    """
    return [_snapshot(snapshot_age_s), *installation_checks(now=now)]


def installation_checks(*, now: datetime) -> list[Check]:
    """Return the checks that do not concern one web process alone."""
    checks = [_disk()]
    for name, check in IN_DATABASE.items():
        try:
            checks += list(check(now))
        except Error:
            checks.append(Check(name=name, problem=gettext_noop("the database does not answer")))
    return [*checks, _broker(), *_stream()]


def _snapshot(age_s: float | None) -> Check:
    if age_s is None:
        return Check(name="snapshot", problem=gettext_noop("there is none yet"))
    problem = gettext_noop("it is old: the database is silent") if age_s > OLDEST_SNAPSHOT_S else ""
    return Check(name="snapshot", problem=problem, figures={"age_s": round(age_s, 1)})


def free_bytes() -> int:
    """Return the space that is left for the data folder."""
    return shutil.disk_usage(settings.DATA_DIR).free


def _disk() -> Check:
    free, least = free_bytes(), settings.CTAOPT_DISK_LEAST_FREE_MB * 1_000_000
    problem = gettext_noop("the disk of the data folder is nearly full") if free < least else ""
    if not os.access(settings.DATA_DIR, os.W_OK):
        problem = gettext_noop("the data folder cannot be written")
    return Check(name="disk", problem=problem, figures={"free_mb": free // 1_000_000})


def _migrations(_: datetime) -> Iterator[Check]:
    n_unapplied = unapplied_migrations()
    problem = gettext_noop("unapplied migrations") if n_unapplied else ""
    yield Check(name="migrations", problem=problem, figures={"unapplied": n_unapplied})


def _batches(now: datetime) -> Iterator[Check]:
    oldest = monitoring.oldest_waiting_batch()
    age = now - oldest if oldest else timedelta(0)
    problem = gettext_noop("stored events are not counted") if age > LONGEST_WAIT else ""
    yield Check(
        name="waiting_batches",
        problem=problem,
        figures={"oldest_s": max(round(age.total_seconds()), 0)},
    )


def _roles(now: datetime) -> Iterator[Check]:
    for state in role_states(now=now):
        age = None if state.last_seen is None else (now - state.last_seen).total_seconds()
        figures: dict[str, Any] = {"expected": state.is_expected, "running": state.is_running}
        if age is not None:
            figures |= {"silent_s": round(age)}
        problem = gettext_noop("it is silent") if state.is_silent else ""
        yield Check(name=str(state.role.value), problem=problem, figures=figures)


def _tasks(now: datetime) -> Iterator[Check]:
    late = [task.name for task in periodic_tasks(now=now) if task.is_overdue or task.has_failed]
    problem = gettext_noop("overdue, or failed when last run") if late else ""
    yield Check(name="periodic_tasks", problem=problem, figures={"tasks": late})


def _rollups(now: datetime) -> Iterator[Check]:
    last, n_differing = monitoring.last_rollup_check(), monitoring.differing_experiments()
    figures: dict[str, Any] = {"differing_experiments": n_differing}
    if last is not None:
        figures["checked_h_ago"] = round((now - last).total_seconds() / 3600, 1)
    problem = gettext_noop("rollups are not what the events give") if n_differing else ""
    yield Check(name="rollups", problem=problem, figures=figures)


def _intake(now: datetime) -> Iterator[Check]:
    alarming = [one for one in rejected_shares(now=now) if one.is_alarming]
    problem = gettext_noop("many events are rejected") if alarming else ""
    # No names of sites: whoever asks for readiness needs no key.
    yield Check(name="rejected_events", problem=problem, figures={"sites": len(alarming)})


IN_DATABASE: Mapping[str, Callable[[datetime], Iterator[Check]]] = {
    "migrations": _migrations,
    "waiting_batches": _batches,
    "processes": _roles,
    "periodic_tasks": _tasks,
    "rollups": _rollups,
    "rejected_events": _intake,
}


def _broker() -> Check:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_S)
    except (BrokerError, OSError):
        return Check(name="broker", problem=gettext_noop("it does not answer"))
    folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_in")
    if folder is None:
        return Check(name="broker")
    messages = len(list(Path(folder).glob("*.msg")))
    return Check(name="broker", figures={"messages": messages})


def _stream() -> Iterator[Check]:
    stream = configured_stream()
    if stream is None:
        return
    try:
        depths = stream.depths()
    except redis_error():
        yield Check(name="event_stream", problem=gettext_noop("Redis does not answer"))
        return
    problem = gettext_noop("it holds entries that could not be stored") if depths.dead else ""
    if depths.waiting >= settings.CTAOPT_EVENTS_MAX_WAITING:
        problem = gettext_noop("it is full: events are refused")
    yield Check(
        name="event_stream",
        problem=problem,
        figures={"waiting": depths.waiting, "pending": depths.pending, "dead": depths.dead},
    )
