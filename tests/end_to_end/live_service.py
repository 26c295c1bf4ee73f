"""The service under granian, as an installation runs it, with the demo's catalogue."""

import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

from experiments.management.preflight import free_port

PROJECT = Path(__file__).resolve().parents[2]
GRANIAN = (sys.executable, "-m", "granian", "--host", "127.0.0.1", "--http", "1", "--no-ws")
LOAD = """
from datetime import UTC, datetime
from django.conf import settings
from django.core.management import call_command
from experiments.services.demo import load_demo
call_command("migrate", verbosity=0)
load_demo(work_dir=settings.DATA_DIR, now=datetime.now(UTC))
"""


class LiveService:
    """The serving workers, and the stream of changes where asked for."""

    def __init__(self, folder, *, with_stream=False, workers=1, **environment):
        self.port, self.stream_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.demo",
            "CTAOPT_DATA_DIR": str(folder / "data"),
            **environment,
        }
        self.environment.pop("DATABASE_URL", None)
        self._processes = []
        self.django(LOAD)
        if with_stream:
            stream = f"http://127.0.0.1:{self.stream_port}"
            self.environment["CTAOPT_STREAM_URL"] = f"{stream}/ofrep/v1/stream"
            self._start("asgi", "ctaopt.asgi:application", self.stream_port)
            wait_for_server(self.stream_port)
        options = ("--workers", str(workers), "--blocking-threads", "4")
        self.web = self._start("wsgi", "ctaopt.wsgi:application", self.port, *options)
        wait_for_server(self.port)

    def django(self, script):
        """Run statements in a process of its own, with Django set up."""
        code = f"import django; django.setup()\n{script}"
        command = [sys.executable, "-c", code]
        subprocess.run(command, cwd=PROJECT, env=self.environment, check=True)

    def log(self):
        return (self.folder / "wsgi.log").read_text()

    def stop(self):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(timeout=30)

    def _start(self, interface, app, port, *options):
        with (self.folder / f"{interface}.log").open("wb") as log:
            process = subprocess.Popen(
                [*GRANIAN, "--interface", interface, "--port", str(port), *options, app],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process


def wait_for_port(port, seconds=60):
    """Wait until somebody listens."""
    deadline = monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert monotonic() < deadline, f"nobody listens on port {port}"
            sleep(0.05)
        else:
            return


def wait_for_server(port, seconds=60):
    deadline = monotonic() + seconds
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
        except OSError:
            assert monotonic() < deadline, f"nobody answers on port {port}"
            sleep(0.1)
        else:
            return
        finally:
            connection.close()
