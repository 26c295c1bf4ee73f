"""Run the scoring service in the foreground."""

import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

# A worker that does not end by then is killed: one that loads does not hear SIGTERM.
KILL_AFTER_S = 10
# One question's matrices are small: threads that wait for each other cost ten times their work.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Command(BaseCommand):
    help = (
        "Keep the active predictor in memory and answer the web process, at CTAOPT_SCORING_URL. "
        "Stays in the foreground until SIGINT or SIGTERM."
    )
    requires_migrations_checks = True

    def handle(self, *_: Any, **options: Any) -> None:
        clear_place(settings.CTAOPT_SCORING_URL)
        self.stdout.write(f"Scoring at {settings.CTAOPT_SCORING_URL}.")
        self.stdout.flush()
        arguments = granian_options(
            settings.CTAOPT_SCORING_URL,
            application=settings.CTAOPT_SCORING_APPLICATION,
            mode=settings.CTAOPT_SCORING_SOCKET_MODE,
        )
        command = [sys.executable, "-m", "granian", *arguments]
        for name in BLAS_THREADS:
            os.environ.setdefault(name, "1")
        # In this process's place: signals and the exit status are granian's.
        os.execv(command[0], command)  # noqa: S606  our own arguments, no shell


def clear_place(address: str) -> None:
    """Remove the socket that a killed service left behind; a living one keeps its place.

    Args:
        address: `unix:/path`; of another kind there is nothing to clear.

    Raises:
        CommandError: If a service listens there.
    """
    if not address.startswith("unix:"):
        return
    path = Path(address.removeprefix("unix:"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise CommandError(f"A scoring service listens at {path} already.")


def granian_options(address: str, *, application: str, mode: str = "0600") -> list[str]:
    """Return granian's arguments for an address.

    Args:
        address: `unix:/path` or `http://host:port`.
        application: WSGI application, `module:name`.
        mode: Mode of the socket, octal with a leading 0: without it granian reads a decimal.

    Raises:
        CommandError: If the address is neither.

    >>> granian_options("http://127.0.0.1:8010", application="here:app")[-3:]
    ['--port', '8010', 'here:app']
    """
    shared = ["--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1"]
    # Two at a time: one more would only wait for the same cores.
    shared += ["--blocking-threads", "2", "--respawn-failed-workers"]
    shared += ["--workers-kill-timeout", str(KILL_AFTER_S)]
    if address.startswith("unix:"):
        place = ["--uds", address.removeprefix("unix:"), "--uds-permissions", mode]
    else:
        parts = urlsplit(address)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise CommandError(
                f"CTAOPT_SCORING_URL: {address!r} is neither unix:/path nor http://host:port."
            )
        place = ["--host", parts.hostname, "--port", str(parts.port)]
    return [*shared, *place, application]
