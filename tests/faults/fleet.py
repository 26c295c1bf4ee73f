"""The service as it runs in earnest, in processes that a test may end without a word."""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240
CLIENT_KEY = "shop-client-key"
WEB = (
    *("-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1"),
    *("--blocking-threads", "16", "--port"),
)
COMMANDS = {
    "worker": (
        *("-m", "celery", "--app", "ctaopt.celery", "worker", "--beat", "--pool", "threads"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
    ),
    # A second is long for a test to wait for what a dead consumer left.
    "consumer": ("manage.py", "consume_events", "--reclaim-after", "1"),
}


def lasting_port():
    """A free port that stays ours while nobody listens: no connection is given it as its own."""
    ports = list(range(20_000, 32_000))
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free between 20000 and 32000")


class Fleet:
    """Web server, worker and consumer of one installation, each in a process group of its own."""

    def __init__(self, folder, *, database_url, events_url="", max_file_bytes=None):
        self.folder = folder
        self.port = lasting_port()
        self.max_file_bytes = max_file_bytes
        self.processes = {}
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
            "CTAOPT_DATA_DIR": str(folder / "data"),
            "DATABASE_URL": database_url,
            "CTAOPT_EVENTS_URL": events_url,
            "PYTHONPATH": str(PROJECT),
        }
        self.run("-m", "tests.faults.inside", "set-up")

    def start(self, *names):
        for name in names:
            command = COMMANDS.get(name) or (*WEB, str(self.port), "ctaopt.wsgi:application")
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, *command],
                    cwd=PROJECT,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def kill(self, name):
        """End a process and all it started, as a power cut or the kernel would."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PATIENCE_S)

    def stop(self):
        for name in list(self.processes):
            self.kill(name)

    def wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE_S
        while self.ask("GET", "/readyz")[0] != 200:
            if self.processes["web"].poll() is not None:
                self.start("web")
            assert time.monotonic() < deadline, (self.folder / "web.log").read_text()
            time.sleep(0.05)

    def ask(self, method, path, content=None):
        """Return status, headers and JSON of an answer; status 0 where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = None if content is None else json.dumps(content)
        try:
            connection.request(method, path, body, {"X-API-Key": CLIENT_KEY})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            return 0, {}, None
        finally:
            connection.close()
        return response.status, response.headers, json.loads(answer or b"null")

    def outcome(self):
        """Store and fold what waits; return what the installation then holds."""
        return json.loads(self.run("-m", "tests.faults.inside", "outcome"))

    def run(self, *arguments):
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout
