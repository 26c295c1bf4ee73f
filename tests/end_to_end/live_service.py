"""The service under granian, as an installation runs it: with the demo's catalogue, or empty."""

import http.client
import socket
import subprocess
import sys
from time import monotonic, sleep

from experiments.management.preflight import free_port
from tests.end_to_end.prepared_data import PROJECT, copy_prepared_data, environment

STREAM = ("-m", "granian", "--interface", "asgi", "--http", "1", "--no-ws")


class LiveService:
    """The serving workers, and the stream of changes where asked for."""

    def __init__(
        self,
        folder,
        *options,
        with_stream=False,
        on_socket=False,
        workers=1,
        prepare=copy_prepared_data,
        **settings,
    ):
        self.socket = folder / "web.socket" if on_socket else None
        self.port, self.stream_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        prepare(folder / "data")
        self.environment = environment(folder / "data")
        self.environment |= {"CTAOPT_RATE_LIMIT_PER_S": "0", **settings}
        self._processes = []
        if with_stream:
            stream = f"http://127.0.0.1:{self.stream_port}"
            self.environment["CTAOPT_STREAM_URL"] = f"{stream}/ofrep/v1/stream"
            self._start("stream", *STREAM, "--port", self.stream_port, "ctaopt.asgi:application")
            wait_for_server(lambda: http.client.HTTPConnection("127.0.0.1", self.stream_port))
        where = ("--uds", self.socket) if self.socket else ("--port", self.port)
        server = ("-m", "ctaopt.serve", *where, "--workers", workers)
        self.web = self._start("web", *server, *options)
        wait_for_server(self.connect)

    def start_scoring(self):
        """Start the scoring service, which loads its predictor when it is asked."""
        self._start("scoring", "manage.py", "serve_scoring")

    def connect(self):
        """A new connection to the workers."""
        if self.socket:
            return UnixConnection(self.socket)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def django(self, script):
        """Run statements in a process of its own, with Django set up."""
        code = f"import django; django.setup()\n{script}"
        command = [sys.executable, "-c", code]
        subprocess.run(command, cwd=PROJECT, env=self.environment, check=True)

    def digest_of(self, visitor):
        """The name under which the demo's site keeps a visitor."""
        result = subprocess.run(
            [sys.executable, "manage.py", "visitor_digests", "--site", "demo"],
            cwd=PROJECT,
            env=self.environment,
            input=f"{visitor}\n",
            check=True,
            capture_output=True,
            text=True,
        )
        return result.stdout.splitlines()[1].partition(",")[2]

    def log(self):
        return (self.folder / "web.log").read_text()

    def stop(self):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            # The service itself kills what does not end in 35 s.
            process.wait(timeout=240)

    def _start(self, name, *command):
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *map(str, command)],
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


class UnixConnection(http.client.HTTPConnection):
    """A connection to a server that listens on a socket in the file system."""

    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def wait_for_server(connect, seconds=240):
    deadline = monotonic() + seconds
    while True:
        connection = connect()
        try:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
        except OSError:
            assert monotonic() < deadline, "nobody answers"
            sleep(0.1)
        else:
            return
        finally:
            connection.close()
