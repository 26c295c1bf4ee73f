"""Django's process as a child of the web server: started, restarted and stopped with it."""

import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path

from ctaopt.serving.granian_server import KILL_AFTER_S
from ctaopt.settings.thread_shares import OF_DJANGO, from_environment

logger = logging.getLogger(__name__)

# Names the socket for the workers of the front.
SOCKET_VARIABLE = "CTAOPT_DJANGO_SOCKET"
# A process that ends by itself is started again after so long.
PAUSE_S = 1.0


class DjangoChild:
    """The process that serves Django on a socket, started again if it ends by itself."""

    def __init__(self, socket: Path, *, workers: int, fronts: int, overlap_s: float) -> None:
        # As many threads as the fronts may ask at once: nothing waits in a second queue.
        self._socket = socket
        threads = fronts * sum(from_environment()[name][0] for name in OF_DJANGO)
        self._command = [sys.executable, "-m", "ctaopt.serving.serve_django"]
        self._command += ["--uds", str(socket), "--workers", str(workers)]
        self._command += ["--threads", str(threads), "--overlap", str(overlap_s)]
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        self._spawn()
        threading.Thread(target=self._keep, name="django", daemon=True).start()

    def restart(self) -> None:
        """Restart its workers gracefully."""
        self._signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it after the requests under way."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        process = self._process
        if process is None:
            return
        try:
            process.wait(timeout=KILL_AFTER_S + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self) -> None:
        with self._lock:
            if not self._stopping.is_set():
                # What a killed process left: nobody could listen there.
                self._socket.unlink(missing_ok=True)
                # In the group of the server: who ends the group ends it, too.
                self._process = subprocess.Popen(self._command)  # noqa: S603  our own

    def _keep(self) -> None:
        while self._process is not None:
            status = self._process.wait()
            if self._stopping.wait(PAUSE_S):
                return
            logger.error("Django's process ended (exit status %s); it is started again.", status)
            self._spawn()

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)
