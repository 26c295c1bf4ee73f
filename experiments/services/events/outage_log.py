"""Log of an outage: each cause once a minute, with a count.

Thousands of requests a second fail alike while a database or Redis is away. A traceback for each
fills the disk, which may be what has failed.
"""

import logging
import threading
from dataclasses import dataclass

PERIOD_S = 60.0
# Causes are classes of errors; more of them than this is a fault of its own.
MOST_CAUSES = 100


@dataclass(slots=True)
class _Cause:
    logged_at: float
    requests: int = 0
    events: int = 0


class OutageLog:
    """Counts failed requests by cause; any number of threads may use one."""

    def __init__(self, logger: logging.Logger, *, period_s: float = PERIOD_S) -> None:
        self._logger = logger
        self._period_s = period_s
        self._causes: dict[str, _Cause] = {}
        self._lock = threading.Lock()

    def failed(self, error: Exception, *, n_events: int, now: float) -> None:
        """Count a failed request; log it, with its traceback, if its cause is due.

        Args:
            error: The failure; its cause, where it has one, names it.
            n_events: Events of the request, which were not stored.
            now: Seconds of any clock.
        """
        root = error.__cause__ or error
        name = f"{type(root).__module__}.{type(root).__qualname__}"
        with self._lock:
            cause = self._causes.get(name)
            if cause is not None and now - cause.logged_at < self._period_s:
                cause.requests += 1
                cause.events += n_events
                return
            if len(self._causes) >= MOST_CAUSES:
                self._causes.clear()
            self._causes[name] = _Cause(now)
        waited = "" if cause is None or not cause.requests else _silent(cause)
        self._logger.error(
            "%s events could not be stored: %s%s", n_events, error, waited, exc_info=error
        )


def _silent(cause: _Cause) -> str:
    return (
        f" ({cause.requests} more requests with {cause.events} events failed like this since the "
        "last message)"
    )
