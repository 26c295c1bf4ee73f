"""The service as bench_events.py measures it: real processes on real servers, and wrk as client."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from load import wrk_program
from recording import PROJECT

sys.path.insert(0, str(PROJECT))

from tests.servers import free_port

KEY = "bench-client-key"
SET_UP = """
import django; django.setup()
from django.core.management import call_command
from tests import factories
call_command("migrate", verbosity=0)
site = factories.make_site("bench")
shares = {"control": "0", "b": "1"}  # every visitor's arm is b, as the load says
factories.make_running_experiment(factories.make_slot(site), goal="signup", shares=shares)
"""
COUNT = """
import django, json; django.setup()
from experiments.models import Event, PendingBatch
print(json.dumps({"events": Event.objects.count(), "batches": PendingBatch.objects.count()}))
"""
# The rows are made and written down before the clock starts: what is left is the store's own work.
FLOOR = """
import django, sys; django.setup()
from datetime import UTC, datetime
from time import perf_counter
from django.db import connection, transaction
from uuid6 import uuid7
from experiments.services.events import store
from experiments.services.events.store import EventRow
now, size = datetime.now(UTC), int(sys.argv[1])
def row(number):
    shown = ("exposure", f"v-{number:018x}", 1, 1 + number % 2, 0.5, "", None, "", "{}")
    return EventRow(uuid7(), 1, *shown, now, now, 0)
batches = [[row(number) for number in range(size)] for _ in range(max(2, 60_000 // size))]
if connection.vendor == "sqlite":
    written = [[(*store._sqlite_values(one), 0) for one in rows] for rows in batches]
    def write(cursor, rows): cursor.executemany(store.SQLITE_INSERT, rows)
else:
    written = ["".join(f"{store._copy_line(one)}\\t0\\n" for one in rows) for rows in batches]
    def write(cursor, lines): store._copy(cursor, store.COPY, lines)
began = perf_counter()
for rows in written:
    with transaction.atomic(), connection.cursor() as cursor:
        write(cursor, rows)
print(round(size * len(batches) / (perf_counter() - began)))
"""


@dataclass
class EventService:
    """A web server (one worker process), and a consumer where there is a stream."""

    folder: Path
    database_url: str
    events_url: str = ""
    threads: int = 64
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
            "CTAOPT_DATA_DIR": str(self.folder / "data"),
            "DATABASE_URL": self.database_url,
            "CTAOPT_EVENTS_URL": self.events_url,
            # The load names its addresses; the limits count it and let it pass.
            "CTAOPT_PROXIES": "1",
            "CTAOPT_EVENTS_PER_KEY_PER_S": "1000000000",
            "CTAOPT_EVENTS_PER_ADDRESS_PER_S": "1000000",
        }
        self._python("-c", SET_UP)

    def start_web(self) -> None:
        arguments = ["--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1"]
        arguments += ["--blocking-threads", str(self.threads), "--port", str(self.port)]
        self._start("web", "-m", "granian", *arguments, "ctaopt.wsgi:application")
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz"):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise SystemExit((self.folder / "web.log").read_text()) from None
                time.sleep(0.1)

    def start_consumer(self) -> None:
        self._start("consumer", "manage.py", "consume_events")

    def drain(self) -> float:
        """Store what waits in the stream; return the seconds it took, the start not counted."""
        output = self._python("manage.py", "consume_events", "--drain")
        return float(output.rsplit(" in ", 1)[1].split(" s")[0])

    def stored(self) -> dict[str, int]:
        """Return how many events the database has, and transactions that brought them."""
        return json.loads(self._python("-c", COUNT))

    def floor(self, rows: int) -> int:
        """Return prepared rows a second in transactions of so many."""
        return int(self._python("-c", FLOOR, str(rows)))

    def stop(self, *names: str) -> None:
        for name in names or list(self.processes):
            process = self.processes.pop(name)
            process.terminate()
            process.wait(timeout=60)

    def cpu_s(self, name: str) -> float:
        """Return the CPU time of a process and all it started: steadier than the clock."""
        ticks = 0
        for pid in _family(self.processes[name].pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, name: str) -> float:
        """Return the resident memory of a process and all it started."""
        pages = os.sysconf("SC_PAGE_SIZE")
        total = 0
        for pid in _family(self.processes[name].pid):
            try:
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * pages
            except OSError:  # It ended while we looked.
                continue
        return round(total / 1e6, 1)

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def _python(self, *arguments: str) -> str:
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise SystemExit(result.stderr)
        return result.stdout


def send_load(
    port: int, *, seconds: int, events: int, connections: int = 64, rate: float = 0
) -> dict[str, Any]:
    """Send batches of new events, as many as are answered or at a steady rate; return the tally."""
    environment = os.environ | {
        "BENCH_EVENTS": str(events),
        # The ids of two loads differ even within a millisecond.
        "BENCH_TIME": f"{int(time.time() * 1000):012x}",
        "BENCH_AT": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "BENCH_RATE": str(rate),
        "BENCH_THREADS": "1",
    }
    script = str(PROJECT / "benchmarks" / "events.lua")
    command = [wrk_program(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    result = subprocess.run(
        [*command, "-s", script, f"http://127.0.0.1:{port}/"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    tally = json.loads(result.stdout.split("RESULT ")[1])
    tally["events_per_s"] = round(
        (tally["requests"] - tally["refused"]) * events / tally["seconds"]
    )
    return tally


def _family(pid: int) -> list[int]:
    found, fresh = [], [pid]
    while fresh:
        one = fresh.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                fresh += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found
