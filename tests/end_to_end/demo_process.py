"""The demo as its user starts it: a process on a free port, with a data folder of its own."""

import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep

from tests.end_to_end.prepared_data import PROJECT, copy_prepared_data, environment
from tests.ml.stored_predictor import TINY_ENCODER


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DemoProcess:
    """`manage.py demo`, without its own visitors and predictor unless asked for.

    The predictor is trained on the tiny encoder: an int8 copy of the product's takes a minute.
    A data folder that is not there yet is made before, unless the demo itself `is_first` to do so.
    """

    def __init__(self, data_dir, *, visitors=0, port=None, predictor=False, is_first=False):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.output = Path(tempfile.mkdtemp(dir=data_dir.parent)) / "output.txt"
        self.environment = environment(data_dir) | {"CTAOPT_ENCODER": str(TINY_ENCODER)}
        if not (data_dir.exists() or is_first):
            copy_prepared_data(data_dir)
        command = ["demo", "--port", str(self.port), "--visitors", str(visitors)]
        command += [] if predictor else ["--without-predictor"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *command],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self):
        return self.output.read_text()

    def wait_until_it_says(self, text, seconds=300):
        """Wait for a line of output; fail at once if the demo ends before it."""
        deadline = monotonic() + seconds
        while text not in self.said():
            assert self.process.poll() is None, self.said()
            assert monotonic() < deadline, self.said()
            sleep(0.05)

    def manage(self, *arguments):
        """Run another command on the same data; return what it wrote."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def stop(self, number=signal.SIGTERM):
        """Ask it to stop, unless it has; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=240)

    def family(self):
        """Return the numbers of its living descendants, grandchildren included."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rsplit(")", 1)[1].split()
            except OSError:  # It ended while we looked.
                continue
            if fields[0] != "Z":
                parents[int(status.parent.name)] = int(fields[1])
        found, fresh = set(), {self.process.pid}
        while fresh:
            fresh = {pid for pid, parent in parents.items() if parent in fresh} - found
            found |= fresh
        return found
