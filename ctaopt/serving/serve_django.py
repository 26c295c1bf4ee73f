"""Serves Django to the front on a Unix socket; ctaopt.serve starts it.

A process of its own: a page that computes for seconds shares no interpreter with evaluations, and
gives way to them where both want the processor.
"""

import argparse
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from granian.constants import Interfaces

from ctaopt.serving.granian_server import OVERLAP_S, end_with, server

# Evaluations go first where the cores are busy.
NICENESS = 10


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parsed(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
    os.nice(NICENESS)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    server(
        "ctaopt.serving.django_process:application",
        uds=options.uds,
        uds_permissions=0o600,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=options.threads,
        respawn_interval=options.overlap,
    ).serve()


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ctaopt.serving.serve_django", description=__doc__
    )
    parser.add_argument("--uds", type=Path, required=True, help="the socket to listen on")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, required=True, help="threads of each worker")
    parser.add_argument("--overlap", type=float, default=OVERLAP_S, metavar="SECONDS")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
