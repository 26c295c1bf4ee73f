"""Serves everything with granian: `python -m ctaopt.serve --port 8000 --workers 2`.

The workers (ctaopt.serving.front) answer evaluations from memory; a process beside them
(ctaopt.serving.serve_django) runs Django. SIGHUP restarts the workers one after the other, with
the code and settings of that moment, and drops no request; SIGTERM ends the service after the
requests under way.
"""

import argparse
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from granian import loops
from granian.constants import Interfaces

from ctaopt.serving.django_child import SOCKET_VARIABLE, DjangoChild
from ctaopt.serving.granian_server import OVERLAP_S, server
from experiments.api.front import inline_loop


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parsed(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
    with tempfile.TemporaryDirectory(prefix="ctaopt-") as folder:
        socket = Path(folder, "django.sock")
        os.environ[SOCKET_VARIABLE] = str(socket)
        front = server(
            "ctaopt.serving.front:application",
            address=options.host,
            port=options.port,
            uds=options.uds,
            interface=Interfaces.RSGI,
            loop=_loop(),
            workers=options.workers,
            respawn_interval=options.overlap,
            pid_file=options.pid_file,
        )
        django = DjangoChild(
            socket,
            workers=options.django_workers,
            fronts=options.workers,
            overlap_s=options.overlap,
        )
        front.on_reload(django.restart)
        # After the workers: their requests under way may need it.
        front.on_shutdown(django.stop)
        django.start()
        try:
            front.serve()
        finally:
            django.stop()


def _loop() -> str:
    """Return the name of the workers' event loop, which forked workers find registered."""
    if multiprocessing.get_start_method() != "fork":
        return "auto"
    loops.register(inline_loop.NAME)(inline_loop.inline_loop)
    return inline_loop.NAME


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ctaopt.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--uds", type=Path, help="a Unix socket to listen on instead of a port")
    parser.add_argument("--workers", type=int, default=1, help="processes; one a core at most")
    parser.add_argument(
        "--django-workers",
        type=int,
        default=1,
        help="processes for pages and the management API",
    )
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
