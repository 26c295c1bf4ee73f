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
    asked = False

    def ask(_: int, __: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise StopRequest

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
