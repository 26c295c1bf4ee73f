"""A cache in a folder, which the processes of one machine share: counters of log-in attempts."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache


class LockedFileCache(FileBasedCache):
    """Django's cache of files, whose `add` succeeds in one process only: counters rely on it."""

    def add(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        with self._locked():
            return bool(super().add(key, value, timeout, version))

    def drop_expired(self) -> int:
        """Delete the files whose time is over: Django does so only when one is asked for."""
        dropped = 0
        for name in self._list_cache_files():  # type: ignore[attr-defined]
            try:
                with Path(name).open("rb") as file:
                    dropped += self._is_expired(file)  # type: ignore[attr-defined]  # deletes it
            except FileNotFoundError:
                continue
        return dropped

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._createdir()  # type: ignore[attr-defined]
        lock = Path(self._dir) / "lock"  # type: ignore[attr-defined]
        with lock.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # Until it is closed.
            yield
