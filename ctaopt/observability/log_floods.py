"""Limit of the log: each cause once a minute, then with the number of repetitions.

A broken database or queue fails every request. Its first failure is logged with all that belongs
to it, and what follows within a minute is counted.
"""

import logging
import os
import re
import threading
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from multiprocessing.util import Finalize
from time import monotonic
from typing import Any

WINDOW_S = 60.0
# Causes that are told apart at a time; beyond, the oldest is forgotten.
MOST_CAUSES = 1_000
DIGITS = re.compile(r"\d+")
LONGEST_TEXT = 200


@dataclass(slots=True)
class _Window:
    """The minute after the first record of a cause.

    It has the record's place and text: the record would keep a request and the frames of a
    traceback alive, of up to MOST_CAUSES causes.
    """

    began: float
    logger: str
    level: int
    path: str
    line: int
    text: str
    repeated: int = 0


class FloodFilter(logging.Filter):
    """Lets the first record of each cause pass in each window, from WARNING on."""

    def __init__(
        self, window_s: float = WINDOW_S, *, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__()
        self._window_s = window_s
        self._clock = clock
        self._windows: dict[Hashable, _Window] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        # Weak: a filter that no handler has any more has nothing to tell.
        mine = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _begin_anew(mine()))
        # Not `atexit`: the server's workers are forks, which end without it.
        Finalize(None, lambda: _tell_all(mine()), exitpriority=10)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or hasattr(record, "repeated"):
            return True
        cause, now = cause_of(record), self._clock()
        with self._lock:
            window = self._windows.get(cause)
            if window is not None and now - window.began < self._window_s:
                window.repeated += 1
                self._start_timer()
                return False
            if window is None and len(self._windows) >= MOST_CAUSES:
                self._windows.pop(next(iter(self._windows)))
            self._windows.pop(cause, None)
            self._windows[cause] = _window_of(record, now)
        if window is not None and window.repeated:
            _tell(window)
        return True

    def tell(self, *, all_windows: bool = False) -> None:
        """Log how often the causes of past windows were repeated, and forget those windows."""
        now = self._clock()
        with self._lock:
            ended = {
                cause: window
                for cause, window in self._windows.items()
                if all_windows or now - window.began >= self._window_s
            }
            for cause in ended:
                del self._windows[cause]
            self._timer = None
            if any(window.repeated for window in self._windows.values()):
                self._start_timer()
        for window in ended.values():
            if window.repeated:
                _tell(window)

    def _start_timer(self) -> None:
        if self._timer is None or not self._timer.is_alive():
            self._timer = threading.Timer(self._window_s, self.tell)
            self._timer.daemon = True
            self._timer.start()

    def begin_anew(self) -> None:
        """Forget everything: after a fork, the parent counts its own records."""
        self._lock, self._timer = threading.Lock(), None
        self._windows.clear()


def cause_of(record: logging.LogRecord) -> Hashable:
    """Return what the records of one cause have in common.

    That is the logger with the text, apart from numbers; of an exception its innermost cause; of a
    refused request the status and the route: a stranger tries many addresses.
    """
    status = getattr(record, "status_code", None)
    if status is not None and status < 500:
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        return record.name, status, getattr(match, "route", "")
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        return record.name, record.msg, _kind_of(_innermost(error))
    return record.name, record.levelno, str(record.msg), _kinds_of(record.args)


def _innermost(error: BaseException) -> BaseException:
    seen: set[int] = set()
    while error.__cause__ is not None and id(error) not in seen:
        seen.add(id(error))
        error = error.__cause__
    return error


def _kinds_of(arguments: Any) -> tuple[Hashable, ...]:
    values = arguments.values() if isinstance(arguments, dict) else arguments or ()
    return tuple(_kind_of(value) for value in values)


def _kind_of(value: Any) -> Hashable:
    if isinstance(value, int | float):
        return "#"
    if isinstance(value, BaseException):
        return type(value).__name__, DIGITS.sub("#", str(value))[:LONGEST_TEXT]
    return str(value)[:LONGEST_TEXT]


def _begin_anew(flood_filter: FloodFilter | None) -> None:
    if flood_filter is not None:
        flood_filter.begin_anew()


def _tell_all(flood_filter: FloodFilter | None) -> None:
    if flood_filter is not None:
        flood_filter.tell(all_windows=True)


def _window_of(record: logging.LogRecord, now: float) -> _Window:
    place = (record.name, record.levelno, record.pathname, record.lineno)
    try:
        return _Window(now, *place, record.getMessage())
    except (LookupError, TypeError, ValueError):  # Arguments that do not fit: the handler says so.
        return _Window(now, *place, str(record.msg))


def _tell(window: _Window) -> None:
    logger = logging.getLogger(window.logger)
    record = logger.makeRecord(
        window.logger,
        window.level,
        window.path,
        window.line,
        "%s more within a minute: %s",
        (window.repeated, window.text),
        None,
        extra={"repeated": window.repeated},
    )
    logger.handle(record)
