"""Store of the current snapshot, rebuilt in memory when the configuration revision changes."""

import threading
from datetime import UTC, datetime
from time import monotonic

from django.db import Error, close_old_connections, connection

from experiments.selectors import serving
from experiments.services.serving.snapshot import Snapshot, build_snapshot, logger

# Least interval between checks that clients request.
SHORTEST_AGE_S = 0.1


class SnapshotStore:
    """Holder of the newest snapshot; checks the revision at most once in `max_age_s`.

    With `in_background` a thread checks, from the first request on, and no request waits for it;
    if it is late, requests check the revision themselves, as they do without it.
    """

    def __init__(self, *, max_age_s: float, in_background: bool = False) -> None:
        self._max_age_s = max_age_s
        self._in_background = in_background
        self._patience_s = 2 * max_age_s if in_background else max_age_s
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._checked_at = float("-inf")
        self._closed = threading.Event()

    def current(self) -> Snapshot:
        """Return a snapshot: an old one if the database is unreachable.

        Raises:
            django.db.Error: If the database cannot be read and never could.
        """
        snapshot = self._snapshot
        if snapshot is None:
            return self._first()
        if monotonic() - self._checked_at < self._patience_s:
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
        with self._lock:
            if monotonic() - self._checked_at < SHORTEST_AGE_S:
                return self._snapshot or snapshot
            return self._try_refresh(snapshot)

    def close(self) -> None:
        """End the thread in the background, if there is one."""
        self._closed.set()

    def _first(self) -> Snapshot:
        with self._lock:
            if self._snapshot is not None:
                return self._snapshot
            try:
                snapshot = self._refresh()
            finally:
                close_old_connections()
            # Started late: a fork after the start would lose the thread.
            if self._in_background:
                threading.Thread(target=self._keep_refreshing, name="snapshot", daemon=True).start()
            return snapshot

    def _keep_refreshing(self) -> None:
        try:
            while not self._closed.wait(self._max_age_s):
                with self._lock:
                    if self._snapshot is not None:
                        self._try_refresh(self._snapshot)
        finally:
            connection.close()  # The connection of this thread.

    def _try_refresh(self, snapshot: Snapshot) -> Snapshot:
        try:
            return self._refresh()
        except Error:
            logger.exception("Serving revision %s: the database is silent.", snapshot.revision)
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
        return self._snapshot
