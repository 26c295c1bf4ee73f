"""Graceful restart: a worker exits without dropping a request, once its successor is ready.

A client that keeps its connection may send a request at the very moment in which a worker closes
it, and gets no answer. On a restart of the server the old workers write
`Connection: close` under their last answers, so that the next request reaches a new worker. An
old worker goes on until the new one has loaded, however long that takes. The processes signal each
other by two numbers in a shared page of memory; a look there adds 60 ns to an answer.
"""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterable
from time import monotonic, sleep
from typing import Any

WSGIApp = Callable[[Any, Callable[..., Any]], Iterable[bytes]]

# Names the file for the workers, which are other processes.
VARIABLE = "CTAOPT_GENERATION_FILE"
NUMBER, LOADED = slice(0, 8), slice(8, 16)
SIZE = 16
POLL_S = 0.05
CLOSE = ("Connection", "close")


class Generation:
    """The server's side: which workers are the newest, and how many have loaded."""

    def __init__(self) -> None:
        """Make the file, and name it in the environment of the workers."""
        self._file = tempfile.NamedTemporaryFile(prefix="ctaopt-generation-")  # noqa: SIM115  kept
        self._file.write(bytes(SIZE))
        self._file.flush()
        self._page = mmap.mmap(self._file.fileno(), SIZE)
        os.environ[VARIABLE] = self._file.name

    def begin_next(self) -> None:
        """Tell the workers that are there now to drain."""
        _add_one(self._page, NUMBER)

    def loaded(self) -> int:
        """Return how many workers have ever loaded."""
        return int.from_bytes(self._page[LOADED], "little")

    def wait_for_load(self, before: int, *, is_alive: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until one more has loaded than before; False if it died, or time is up."""
        deadline = monotonic() + timeout_s
        while self.loaded() <= before:
            if not is_alive() or monotonic() > deadline:
                return False
            sleep(POLL_S)
        return True


class Membership:
    """The worker's side: the generation that it belongs to."""

    def __init__(self, path: str) -> None:
        """Join the present generation. Workers are started one after the other."""
        with open(path, "r+b") as file:  # noqa: PTH123  a descriptor for mmap
            self._page = mmap.mmap(file.fileno(), SIZE)
        self._mine = self._page[NUMBER]

    def is_draining(self) -> bool:
        """Tell if a later generation has begun: clients should move on."""
        return self._page[NUMBER] != self._mine

    def tell_loaded(self) -> None:
        """Tell the server that this worker is ready."""
        _add_one(self._page, LOADED)


def drained(app: WSGIApp, path: str) -> WSGIApp:
    """Return the application of a worker that drains once a later generation begins.

    Says that the worker has loaded: call it last.
    """
    membership = Membership(path)

    def application(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not membership.is_draining():
            return app(environ, start_response)

        def closing(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, CLOSE], *rest)

        return app(environ, closing)

    membership.tell_loaded()
    return application


def _add_one(page: mmap.mmap, place: slice) -> None:
    page[place] = (int.from_bytes(page[place], "little") + 1).to_bytes(8, "little")
