"""Store of the current snapshot, rebuilt in memory when the configuration revision changes."""

import os
import threading
from datetime import UTC, datetime
from time import monotonic
from typing import TypeVar

from django.db import Error, OperationalError, close_old_connections, connection

from experiments.selectors import serving
from experiments.services.serving.database_waits import may_wait
from experiments.services.serving.snapshot import Snapshot, build_snapshot, logger

# Least interval between checks that clients request.
SHORTEST_AGE_S = 0.1

_forks = 0


def _note_fork() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_note_fork)

_Kept = TypeVar("_Kept", bound=Snapshot | None)


class SnapshotStore:
    """Holder of the newest snapshot; checks the revision at most once in `max_age_s`.

    With `in_background` a thread checks, from the first request on, and no request waits for it,
    however late it is: a database may be locked or silent for long. Without, requests check.
    """

    def __init__(self, *, max_age_s: float, in_background: bool = False) -> None:
        self._max_age_s = max_age_s
        self._in_background = in_background
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._checked_at = float("-inf")
        # When the snapshot was last known to be the newest.
        self._confirmed_at: float | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        # Forks before the thread was started, in the line of this process.
        self._forks = _forks

    def current(self) -> Snapshot:
        """Return a snapshot: an old one if the database is unreachable.

        Raises:
            django.db.Error: If the database cannot be read and never could.
        """
        snapshot = self._snapshot
        if snapshot is None:
            return self._first()
        if self._thread is not None:
            if self._forks != _forks:  # The thread stayed in the process before the fork.
                self._start_thread()
            return snapshot
        if monotonic() - self._checked_at < self._max_age_s:
            return snapshot
        # While one thread checks the revision, the others use the present snapshot.
        if not self._lock.acquire(blocking=False):
            return snapshot
        try:
            return self._try_refresh(snapshot)
        finally:
            self._lock.release()

    def at_least(self, revision: int) -> Snapshot:
        """Return a snapshot of this revision or a later one, if available by now.

        For clients that learnt of the revision before this process did. Checks at most ten
        times a second, since a stranger may send any number.
        """
        snapshot = self.current()
        if snapshot.revision >= revision or monotonic() - self._checked_at < SHORTEST_AGE_S:
            return snapshot
        if not may_wait():
            return snapshot
        with self._lock:
            if monotonic() - self._checked_at < SHORTEST_AGE_S:
                return self._snapshot or snapshot
            return self._try_refresh(snapshot)

    def start(self, *, patience_s: float) -> bool:
        """Read the configuration in the background; return if it came within the patience.

        A thread tries until it comes; meanwhile `current` raises, and nothing waits.
        """
        first = threading.Event()
        self._start_thread(first)
        return first.wait(patience_s)

    def age_s(self) -> float | None:
        """Return the seconds since the snapshot was last known to be the newest; None without one.

        Looks at the revision if nobody else does in the background.
        """
        try:
            self.current()
        except Error:
            return None
        return None if self._confirmed_at is None else monotonic() - self._confirmed_at

    def close(self) -> None:
        """End the thread in the background, if there is one."""
        self._closed.set()

    def _first(self) -> Snapshot:
        if self._thread is not None or not may_wait():
            raise OperationalError("the configuration has not been read yet")
        with self._lock:
            if self._snapshot is not None:
                return self._snapshot
            try:
                snapshot = self._refresh()
            finally:
                close_old_connections()
            # Started late: a fork after the start would lose the thread.
            if self._in_background:
                self._start_thread()
            return snapshot

    def _start_thread(self, first: threading.Event | None = None) -> None:
        self._thread = threading.Thread(
            target=self._keep_refreshing, args=(first,), name="snapshot", daemon=True
        )
        self._forks = _forks
        self._thread.start()

    def _keep_refreshing(self, first: threading.Event | None) -> None:
        try:
            while not self._closed.is_set():
                with self._lock:
                    snapshot = self._try_refresh(self._snapshot)
                if first is not None and snapshot is not None:
                    first.set()
                self._closed.wait(self._max_age_s)
        finally:
            connection.close()  # The connection of this thread.

    def _try_refresh(self, snapshot: _Kept) -> Snapshot | _Kept:
        try:
            return self._refresh()
        except Exception as error:
            # Whatever it is: without this thread nothing would ever change again.
            if not isinstance(error, Error) and self._thread is None:
                raise
            revision = "nothing" if snapshot is None else f"revision {snapshot.revision}"
            logger.exception("Serving %s: the configuration cannot be read.", revision)
            return self._snapshot or snapshot
        finally:
            close_old_connections()

    def _refresh(self) -> Snapshot:
        # Set first, so that a failing database is also queried only once in `max_age_s`.
        self._checked_at = monotonic()
        # Before the database is asked: a key expires also while that is silent.
        if self._snapshot is not None:
            self._snapshot = self._snapshot.without_expired(datetime.now(UTC))
        revision = serving.config_revision()
        if self._snapshot is None or self._snapshot.revision != revision:
            self._snapshot = build_snapshot(revision=revision, now=datetime.now(UTC))
        self._confirmed_at = self._checked_at
        return self._snapshot
