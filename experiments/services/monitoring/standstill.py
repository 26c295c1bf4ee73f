"""Processes that should run and do not, what stands still because of it, and how to start them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from experiments.models import Heartbeat
from experiments.selectors import monitoring
from experiments.services.monitoring.heartbeats import MISSING_AFTER, SILENT_AFTER

Role = Heartbeat.Role

CONSEQUENCES: dict[str, Any] = {
    Role.WORKER: _(
        "New events are not counted, and ramps, schedules, guardrails and roll-backs stand still. "
        "Rankings and trainings wait."
    ),
    Role.BEAT: _(
        "Nothing is done by the clock: new events are not counted, and ramps, schedules, "
        "guardrails and roll-backs stand still."
    ),
    Role.CONSUMER: _(
        "Events wait in the Redis Stream and are not stored: reports and alarms do not see them."
    ),
    Role.SCORING: _("Rankings are left to the worker, which takes seconds."),
}
COMMANDS: dict[str, str] = {
    Role.WORKER: "celery --app ctaopt.celery worker --beat --pool threads",
    Role.BEAT: "celery --app ctaopt.celery worker --beat --pool threads",
    Role.CONSUMER: "manage.py consume_events",
    Role.SCORING: "manage.py serve_scoring",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """The processes of one role.

    `is_expected`: without one of them something stands still.
    `is_running`: one gave a sign of life within the last three heartbeats.
    `last_seen`: the latest sign of life; None if there never was one.
    `is_silent`: it is expected, and there was no sign for two minutes.
    """

    role: Heartbeat.Role
    processes: tuple[Heartbeat, ...]
    is_expected: bool
    is_running: bool
    is_silent: bool
    last_seen: datetime | None

    @property
    def consequence(self) -> Any:
        return CONSEQUENCES[self.role]

    @property
    def command(self) -> str:
        return COMMANDS[self.role]

    @property
    def name(self) -> Any:
        return self.role.label


def role_states(*, now: datetime) -> list[RoleState]:
    """Return the state of every role, in the order of `Heartbeat.Role`; one query."""
    rows = monitoring.heartbeats()
    return [_state(role, [row for row in rows if row.role == role], now) for role in Role]


def standstills(*, now: datetime) -> list[RoleState]:
    """Return the roles that should run and have been silent for two minutes."""
    return [state for state in role_states(now=now) if state.is_silent]


def no_worker_runs(*, now: datetime) -> bool:
    """Return whether what waits for a worker waits in vain; seconds after a worker was stopped."""
    states = {state.role: state for state in role_states(now=now)}
    worker = states[Role.WORKER]
    return worker.is_expected and not worker.is_running


def _state(role: Heartbeat.Role, rows: list[Heartbeat], now: datetime) -> RoleState:
    alive = [row for row in rows if row.stopped_at is None]
    last_seen = max((row.beat_at for row in rows), default=None)
    is_expected = _is_expected(role, alive)
    is_fresh = last_seen is not None and last_seen >= now - SILENT_AFTER
    return RoleState(
        role=role,
        processes=tuple(rows),
        is_expected=is_expected,
        is_running=any(row.beat_at >= now - MISSING_AFTER for row in alive),
        is_silent=is_expected and not is_fresh,
        last_seen=last_seen,
    )


def _is_expected(role: Heartbeat.Role, alive: Iterable[Heartbeat]) -> bool:
    """Return whether a process of the role should run.

    The scoring service is optional: it should run if it did and was not stopped on purpose.
    """
    if role == Role.SCORING:
        return any(alive)
    if settings.CELERY_TASK_ALWAYS_EAGER:  # Tasks are done where they are called.
        return False
    return role != Role.CONSUMER or bool(settings.CTAOPT_EVENTS_URL)
