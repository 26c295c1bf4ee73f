"""granian with a graceful restart: a new worker loads before the old one goes."""

import os
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import sleep
from typing import Any

from granian import Granian
from granian.constants import HTTPModes

from ctaopt.graceful_restart import Generation

# The old worker goes on for so long after the new one has loaded, and its clients move over.
OVERLAP_S = 3.0
# A new one that has not loaded by then never will; the old one goes nevertheless.
LOAD_TIMEOUT_S = 120.0
# A worker that does not end its requests by then is killed.
KILL_AFTER_S = 30
POLL_S = 0.5
# Connections of one worker; each takes some kilobytes and a file.
CONNECTIONS = 8_192
# Files that a worker needs for itself.
OWN_FILES = 256


class Server(Granian):  # type: ignore[misc, valid-type]  # one for each platform
    """Granian, which waits for a new worker to load before it stops the old one."""

    generation: Generation
    is_restarting = False

    def begin_restart(self) -> None:
        self.is_restarting = True
        self.generation.begin_next()

    def _respawn_workers(
        self, workers: Sequence[int], target: Any, loader: Any, delay: float = 0
    ) -> None:
        """Replace the workers one by one, until the server is asked to end."""
        for number in workers:
            if not self.interrupt_signal:
                super()._respawn_workers([number], target, loader, delay=delay)
        if self.interrupt_signal:
            # Granian clears the event before it calls this, and would wait for another signal.
            self.main_loop_interrupt.set()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:
        within = partial(work, target, os.getpid())
        worker = super()._spawn_worker(idx, within, callback_loader)
        if self.is_restarting:
            start, before = worker.start, self.generation.loaded()

            def start_and_wait() -> None:
                start()
                self.generation.wait_for_load(
                    before,
                    is_alive=lambda: worker.is_alive() and not self.interrupt_signal,
                    timeout_s=LOAD_TIMEOUT_S,
                )

            worker.start = start_and_wait
        return worker


def work(target: Callable[..., None], server: int, *arguments: Any) -> None:
    """Run a worker, which ends with its server, and at SIGTERM also while it loads.

    A forked worker inherits the server's handler, which does nothing here, until granian sets
    another.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        threading.Thread(target=end_with, args=(server,), daemon=True).start()
    target(*arguments)


def end_with(parent: int) -> None:
    """End this process when its parent has gone, even if the parent was killed."""
    while os.getppid() == parent:
        sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(KILL_AFTER_S)
    os.kill(os.getpid(), signal.SIGKILL)


def server(target: str, **options: Any) -> Server:
    """Return a server of this application; `options` are granian's."""
    made = Server(
        target,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=connections(),
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_AFTER_S,
        **options,
    )
    made.generation = Generation()
    made.on_reload(made.begin_restart)
    return made


def connections() -> int:
    """Return how many connections a worker may hold, and raise the limit of files for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OWN_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(min(CONNECTIONS, soft - OWN_FILES), OWN_FILES)
