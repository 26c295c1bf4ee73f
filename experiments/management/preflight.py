"""Preflight checks before a server starts; each failure is one sentence."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import TextIO

from django.core.management.base import CommandError

HOST = "127.0.0.1"
LARGEST_PORT = 65_535
# In the data folder, held by the demo that runs on it.
LOCK = "service.lock"


def check_port(port: int) -> None:
    """Raise CommandError if nothing could listen on this port of the loopback address."""
    if not 1 <= port <= LARGEST_PORT:
        raise CommandError(f"Port {port} does not exist: choose one from 1 to {LARGEST_PORT}.")
    with socket.socket() as probe:
        # A port whose last connections are still closing down is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise CommandError(f"Port {port} is reserved: choose one above 1023.") from error
        except OSError as error:
            raise CommandError(
                f"Port {port} is in use: stop what uses it, or choose another with PORT=..."
            ) from error


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check_folder(folder: Path) -> None:
    """Raise CommandError if no file can be made in the folder."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(
            f"Cannot write to {folder} ({error.strerror}): "
            "set CTAOPT_DATA_DIR to a folder of yours."
        ) from error


def take_lock(path: Path, *, address: str = "") -> TextIO:
    """Return the open lock file; raise CommandError if another process holds it.

    Args:
        path: The lock file, which names its holder.
        address: Address under which the holder answers, for `running_address`.
    """
    # Opened for appending: the process that holds it wrote its number there.
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.readline().strip()
        lock.close()
        raise CommandError(
            f"The service already runs on {path.parent} (process {holder}): stop it first."
        ) from error
    lock.truncate(0)
    lock.write("\n".join(filter(None, [str(os.getpid()), address])))
    lock.flush()
    return lock


def running_address(path: Path) -> str | None:
    """Return the address in a lock file while its holder runs; None without one."""
    try:
        lock = path.open()
    except OSError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return lock.read().partition("\n")[2] or None
    return None
