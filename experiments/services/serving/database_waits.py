"""Permission of a thread to wait for the database while it evaluates.

The thread that answers evaluations from memory must never wait. Where an answer would be better
for a query (a visitor whose hash gives several arms, a preview link), it refuses to wait, and the
answer is made by another thread; if that is late, it is made without the query.
"""

import threading
from enum import Enum


class Waits(Enum):
    """Permission of a thread: it may wait, raises WouldWaitError instead, or does without."""

    ALLOWED = 1
    REFUSED = 2
    SKIPPED = 3


class WouldWaitError(Exception):
    """The answer needs the database, and this thread may not wait for it."""


_thread = threading.local()


def set_waits(waits: Waits) -> None:
    """Set the permission of this thread; without it a thread may wait."""
    _thread.waits = waits


def may_wait() -> bool:
    """Tell if this thread may wait for the database; False if it does without the query.

    Raises:
        WouldWaitError: If another thread should make the answer.
    """
    waits = getattr(_thread, "waits", Waits.ALLOWED)
    if waits is Waits.REFUSED:
        raise WouldWaitError
    return waits is Waits.ALLOWED
