"""The current snapshot, kept in memory and rebuilt when the configuration revision moves."""

import threading
from datetime import UTC, datetime
from time import monotonic

from django.db import Error, close_old_connections, connection

from experiments.selectors import serving
from experiments.services.serving.snapshot import Snapshot, build_snapshot, logger

# Between two looks that clients ask for.
SHORTEST_AGE_S = 0.1


class SnapshotStore:
    """Hands out the newest snapshot; looks at the revision at most once in `max_age_s`.

    With `in_background` a thread looks, from the first request on, and no request waits for it;
    should it be late, requests look themselves, as they do without it.
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
        """Return a snapshot: an old one rather than none while the database is silent.

        Raises:
            django.db.Error: If the database cannot be read and never could.
        """
        snapshot = self._snapshot
        if snapshot is None:
            return self._first()
        if monotonic() - self._checked_at < self._patience_s:
            return snapshot
        # While one thread looks at the revision, the others go on with what they have.
        if not self._lock.acquire(blocking=False):
            return snapshot
        try:
            return self._looked(snapshot)
        finally:
            self._lock.release()

    def at_least(self, revision: int) -> Snapshot:
        """Return a snapshot of this revision or a later one, if there is one by now.

        A client may have the revision from a stream before this process has read it. Reads at most
        ten times a second, for any number that a stranger may send.
        """
        snapshot = self.current()
        if snapshot.revision >= revision or monotonic() - self._checked_at < SHORTEST_AGE_S:
            return snapshot
        with self._lock:
            if monotonic() - self._checked_at < SHORTEST_AGE_S:
                return self._snapshot or snapshot
            return self._looked(snapshot)

    def close(self) -> None:
        """End the thread in the background, if there is one."""
        self._closed.set()

    def _first(self) -> Snapshot:
        with self._lock:
            if self._snapshot is not None:
                return self._snapshot
            try:
                snapshot = self._refreshed()
            finally:
                close_old_connections()
            # Not before: a process that forks after its start would leave the thread behind.
            if self._in_background:
                threading.Thread(target=self._keep_looking, name="snapshot", daemon=True).start()
            return snapshot

    def _keep_looking(self) -> None:
        try:
            while not self._closed.wait(self._max_age_s):
                with self._lock:
                    if self._snapshot is not None:
                        self._looked(self._snapshot)
        finally:
            connection.close()  # This thread's own.

    def _looked(self, snapshot: Snapshot) -> Snapshot:
        try:
            return self._refreshed()
        except Error:
            logger.exception("Serving revision %s: the database is silent.", snapshot.revision)
            return snapshot
        finally:
            close_old_connections()

    def _refreshed(self) -> Snapshot:
        # First of all: a silent database is asked once in `max_age_s` too.
        self._checked_at = monotonic()
        revision = serving.config_revision()
        if self._snapshot is None or self._snapshot.revision != revision:
            self._snapshot = build_snapshot(revision=revision, now=datetime.now(UTC))
        return self._snapshot
