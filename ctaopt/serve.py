"""Serves ctaopt.wsgi with granian: `python -m ctaopt.serve --port 8000 --workers 2`.

SIGHUP restarts the workers one after the other, with the code and settings of that moment, and
drops no request; SIGTERM ends the service after the requests under way.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from ctaopt.graceful_restart import Generation

# The old worker goes on for so long after the new one has loaded, and its clients move over.
OVERLAP_S = 3.0
# A new one that has not loaded by then never will; the old one goes nevertheless.
LOAD_TIMEOUT_S = 120.0
# A worker that does not end its requests by then is killed.
KILL_AFTER_S = 30
# Events wait for the database, evaluations for nobody.
THREADS = 4


class Server(Granian):  # type: ignore[misc, valid-type]  # one for each platform
    """Granian, which waits for a new worker to load before it stops the old one."""

    generation: Generation
    is_restarting = False

    def begin_restart(self) -> None:
        self.is_restarting = True
        self.generation.begin_next()

    def _spawn_worker(self, *args: Any, **kwargs: Any) -> Any:
        worker = super()._spawn_worker(*args, **kwargs)
        if self.is_restarting:
            start, before = worker.start, self.generation.loaded()

            def start_and_wait() -> None:
                start()
                self.generation.wait_for_load(
                    before, is_alive=worker.is_alive, timeout_s=LOAD_TIMEOUT_S
                )

            worker.start = start_and_wait
        return worker


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parsed(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
    server = Server(
        "ctaopt.wsgi:application",
        address=options.host,
        port=options.port,
        uds=options.uds,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=options.workers,
        blocking_threads=options.threads,
        respawn_failed_workers=True,
        respawn_interval=options.overlap,
        workers_kill_timeout=KILL_AFTER_S,
        pid_file=options.pid_file,
    )
    server.generation = Generation()
    server.on_reload(server.begin_restart)
    server.serve()


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ctaopt.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--uds", type=Path, help="a Unix socket to listen on instead of a port")
    parser.add_argument("--workers", type=int, default=1, help="processes; one a core at most")
    parser.add_argument("--threads", type=int, default=THREADS, help="threads of each worker")
    parser.add_argument("--pid-file", type=Path, help="where to write the number for `kill -HUP`")
    parser.add_argument(
        "--overlap",
        type=float,
        default=OVERLAP_S,
        metavar="SECONDS",
        help="how long an old worker goes on beside a successor that has loaded",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
