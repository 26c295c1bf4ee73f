"""granian with a graceful restart: a new worker loads before the old one goes."""

import resource
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
