"""Bounded shares of threads: what waits for a database takes only its own share.

Each share has some threads and a queue of some places. A request beyond them is refused at once,
and one that has waited too long is refused instead of being begun: its client has given up.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import NamedTuple

# Requests that waited longer in a queue are not begun.
PATIENCE_S = 10.0


class Size(NamedTuple):
    """Size of a share: threads, and requests that may wait for one."""

    threads: int
    waiting: int


class PathRule(NamedTuple):
    """A share for the requests of a method ("*": any) below a path."""

    method: str
    prefix: str
    share: str


class ThreadShare:
    """Some threads and a bounded queue before them."""

    def __init__(self, name: str, size: Size, *, patience_s: float = PATIENCE_S) -> None:
        self.name = name
        self._most = size.threads + size.waiting
        self._threads = size.threads
        self._patience_s = patience_s
        self._n = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(size.threads, thread_name_prefix=name)

    @property
    def is_full(self) -> bool:
        """Tell if the next request would have to wait."""
        return self._n >= self._threads

    def submit(self, work: Callable[[], None], refuse: Callable[[], None]) -> None:
        """Run `work` in a thread, or `refuse` where it comes too many or too late."""
        with self._lock:
            is_taken = self._n < self._most
            self._n += is_taken
        if is_taken:
            self._pool.submit(self._run, work, refuse, monotonic() + self._patience_s)
        else:
            refuse()

    def _run(self, work: Callable[[], None], refuse: Callable[[], None], deadline: float) -> None:
        try:
            (work if monotonic() < deadline else refuse)()
        finally:
            with self._lock:
                self._n -= 1


class ThreadShares:
    """All shares of a process, by name and by path."""

    def __init__(self, sizes: Mapping[str, Size], rules: Iterable[PathRule]) -> None:
        self._shares = {name: ThreadShare(name, size) for name, size in sizes.items()}
        self._rules = tuple(rules)

    def named(self, name: str) -> ThreadShare:
        return self._shares[name]

    def of_path(self, method: str, path: str) -> ThreadShare:
        """Return the share of the first rule that fits."""
        for rule in self._rules:
            if rule.method in {"*", method} and path.startswith(rule.prefix):
                return self._shares[rule.share]
        raise LookupError(f"no share for {method} {path}: the last rule must fit everything")
