"""Heartbeats: each process beside the web server writes that it lives, in one row of its own."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import Error, connection
from django.utils import timezone

from experiments.models import Heartbeat

logger = logging.getLogger(__name__)

Role = Heartbeat.Role
INTERVAL_S = 15.0
# Three heartbeats fit into the first; a restart of a process into the second.
MISSING_AFTER = timedelta(seconds=3 * INTERVAL_S)
SILENT_AFTER = timedelta(minutes=2)
# Rows of processes that are gone, but for the newest of each role.
FORGOTTEN_AFTER = timedelta(days=1)


def process_name(pid: int | None = None) -> str:
    """Return the name of a process of this machine; of this process without a number."""
    return f"{socket.gethostname()}:{pid or os.getpid()}"[:200]


class Heart:
    """A thread that writes a process's row every INTERVAL_S seconds.

    It lives in a thread of its own so that long work does not stop it. `is_alive` adds what the
    thread cannot see: that the process's own loop goes on.
    """

    def __init__(
        self,
        role: Heartbeat.Role,
        *,
        process: str = "",
        is_alive: Callable[[], bool] = lambda: True,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._role = role
        self._process = process or process_name()
        self._is_alive = is_alive
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Write the first row from the thread: a start waits for no database."""
        self._thread = threading.Thread(
            target=self._beat, name=f"heartbeat of the {self._role}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Write that the process was stopped on purpose."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        started = timezone.now()

        def show(now: datetime) -> None:
            beat(self._role, self._process, started=started, now=now)

        self._write(show)
        while not self._stopped.wait(self._interval_s):
            if self._is_alive():
                self._write(show)
        self._write(lambda now: stop(self._role, self._process, now=now))

    def _write(self, change: Callable[[datetime], None]) -> None:
        try:
            change(timezone.now())
        except Error as error:
            logger.warning("the %s could not show that it lives: %s", self._role, error)
        finally:
            # Between two beats a connection would only be one more for the database to keep.
            connection.close()


def beat(role: Heartbeat.Role, process: str, *, started: datetime, now: datetime) -> None:
    """Write a sign of life, and forget processes of the role that are long gone."""
    row, _ = Heartbeat.objects.update_or_create(
        role=role,
        process=process,
        defaults={"started_at": started, "beat_at": now, "stopped_at": None},
    )
    others = Heartbeat.objects.filter(role=role, beat_at__lt=now - FORGOTTEN_AFTER)
    others.exclude(pk=row.pk).delete()


def stop(role: Heartbeat.Role, process: str, *, now: datetime) -> None:
    """Write that a process was stopped on purpose."""
    Heartbeat.objects.filter(role=role, process=process).update(stopped_at=now)
