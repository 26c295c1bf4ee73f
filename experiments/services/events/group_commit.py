"""Group commit of requests; each is answered after the commit that holds its events.

A commit waits for the disk, and that wait is the same for one event and for thousands. So the
threads of a web process hand their rows to one writer, which stores all rows that have arrived
in the meantime. Requests are not delayed to fill a group: a single one is stored at once.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings
from django.db import DataError, IntegrityError, close_old_connections

from experiments.services.events.store import EventRow, NotTakenError, store

logger = logging.getLogger(__name__)

# Most rows that may wait (about a second's worth); beyond it requests are refused and retried.
MAX_WAITING = 20_000
# Rows in a transaction: the larger, the longer the first of them waits for the last.
MAX_GROUP = 4_000
# Longer than a database may make a transaction wait (SQLite's timeout of 20 s).
PATIENCE_S = 60.0

Store = Callable[[Sequence[Sequence[EventRow]]], list[int]]


@dataclass(eq=False, slots=True)
class _Waiting:
    rows: Sequence[EventRow]
    # Held until the outcome is available; a lock is the cheapest thing to wait for.
    done: threading.Lock = field(default_factory=threading.Lock)
    n_new: int = 0
    error: Exception | None = None

    def finish(self) -> None:
        self.done.release()


class GroupCommit:
    """One writer for the threads of a process; each process has its own."""

    def __init__(
        self, *, store: Store, max_waiting: int = MAX_WAITING, max_group: int = MAX_GROUP
    ) -> None:
        self._store = store
        self._max_waiting = max_waiting
        self._max_group = max_group
        self._queue: deque[_Waiting] = deque()
        self._n_waiting = 0
        self._changed = threading.Condition(threading.Lock())
        self._writer: threading.Thread | None = None

    def store(self, rows: Sequence[EventRow]) -> int:
        """Return how many rows were new, once all of them are durable.

        Raises:
            NotTakenError: If too many wait, or the database cannot take them now.
        """
        if not rows:
            return 0
        waiting = _Waiting(rows)
        waiting.done.acquire()
        self._enqueue(waiting)
        if not waiting.done.acquire(timeout=PATIENCE_S):
            raise NotTakenError(f"the writer did not answer for {PATIENCE_S:.0f} s")
        if waiting.error is not None:
            raise NotTakenError(str(waiting.error)) from waiting.error
        return waiting.n_new

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._changed:
            # A single request is always accepted, however large.
            if self._queue and self._n_waiting + len(waiting.rows) > self._max_waiting:
                raise NotTakenError(f"{self._n_waiting} events wait to be stored")
            self._queue.append(waiting)
            self._n_waiting += len(waiting.rows)
            if self._writer is None:  # Started late: threads do not survive a fork.
                self._writer = threading.Thread(target=self._write, daemon=True, name="events")
                self._writer.start()
            self._changed.notify()

    def _write(self) -> None:
        while True:
            group = self._next_group()
            try:
                self._store_group(group)
            except Exception as error:  # noqa: BLE001  passed to the waiting requests; the writer goes on
                for waiting in group:
                    waiting.error = error
            finally:
                for waiting in group:
                    waiting.finish()
                close_old_connections()

    def _next_group(self) -> list[_Waiting]:
        with self._changed:
            while not self._queue:
                self._changed.wait()
            group = [self._queue.popleft()]
            n_rows = len(group[0].rows)
            while self._queue and n_rows + len(self._queue[0].rows) <= self._max_group:
                group.append(self._queue.popleft())
                n_rows += len(group[-1].rows)
            self._n_waiting -= n_rows
            return group

    def _store_group(self, group: Sequence[_Waiting]) -> None:
        try:
            counts = self._store([waiting.rows for waiting in group])
        except NotTakenError as error:
            if len(group) == 1 or not isinstance(error.__cause__, IntegrityError | DataError):
                raise
            # One request is at fault; the others must not fail with it.
            logger.exception("storing %s requests one by one", len(group))
            self._store_one_by_one(group)
            return
        for waiting, n_new in zip(group, counts, strict=True):
            waiting.n_new = n_new

    def _store_one_by_one(self, group: Sequence[_Waiting]) -> None:
        for waiting in group:
            try:
                (waiting.n_new,) = self._store([waiting.rows])
            except NotTakenError as error:
                waiting.error = error


@cache
def _process_writer() -> GroupCommit:
    return GroupCommit(store=store)


def store_rows(rows: Sequence[EventRow]) -> int:
    """Store the rows of one request; return how many were new, once all are durable.

    Raises:
        NotTakenError: If they cannot be taken now. None of them is acknowledged.
    """
    if settings.CTAOPT_GROUP_COMMIT:
        return _process_writer().store(rows)
    (n_new,) = store([rows])
    return n_new
