"""SIGINT, SIGTERM and SIGHUP as one exception, raised once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest(BaseException):
    """Not an Exception, so that nothing on the way takes it for a failure of its own."""


@contextmanager
def stop_requests() -> Iterator[None]:
    """Raise StopRequest at the first signal; the next ones find the stop under way."""
    is_stopping = False

    def request_stop(_: int, __: FrameType | None) -> None:
        nonlocal is_stopping
        if not is_stopping:
            is_stopping = True
            raise StopRequest

    previous = {number: signal.signal(number, request_stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
