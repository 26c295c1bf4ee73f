"""Ten minutes at 70 % of capacity while everything is done to the service that operators do.

    bench_soak.py [--postgres] [SECONDS]

Web processes of the last release serve; the database is migrated under them and the new release
takes over (a rolling upgrade), its workers are restarted, keys are rotated, a backup is made and
restored elsewhere, and worker and beat are restarted. From then on nothing is done, and memory may
not grow. At the end every acknowledged event is there once, and the rollups are those of a recount.
Capacity is what the same visitors get from the same machine without a pause, just before.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep

from load import family
from recording import PROJECT, record
from soak_visitors import EVALUATE, EVENTS, Site, Visitors

sys.path.insert(0, str(PROJECT))

from tests.end_to_end.live_service import wait_for_port
from tests.servers import PostgresServer, RedisServer, free_port

OLD = "df7843e"
SECONDS, SHARE, THREADS, CAPACITY_S, SETTLE_S = 600.0, 0.7, 4, 15.0, 5.0
# When each step begins, as a share of the time. After the last one nothing happens.
STEPS = {
    "rolling upgrade": 0.05,
    "restart of the web workers": 0.15,
    "rotation of the keys": 0.22,
    "end of the old keys": 0.30,
    "backup and restore": 0.34,
    "restart of worker and beat": 0.45,
}
QUIET = "nothing"
GROWS = 1.05
SET_UP = """
from tests import factories
site = factories.make_site()
factories.make_server_key(site)
slot = factories.make_slot(site)
factories.make_running_experiment(slot, goal="signup", primary_metric="value_per_visitor")
"""
ROTATE = """
from datetime import timedelta
from django.utils import timezone
from experiments.models import ServerKey, Site
from experiments.services.catalogue.client_keys import rotate_client_key
from experiments.services.catalogue.server_keys import rotate_server_key
soon = {"overlap": timedelta(days=1), "now": timezone.now()}
print(rotate_client_key(site=Site.objects.get(), **soon))
print(rotate_server_key(key=ServerKey.objects.get(), **soon)[1])
"""
END_OLD = """
from django.utils import timezone
from experiments.models import FormerClientKey, ServerKey
from experiments.services.catalogue.client_keys import end_former_client_key
from experiments.services.catalogue.server_keys import revoke_server_key
now = timezone.now()
end_former_client_key(former=FormerClientKey.objects.get(), now=now)
revoke_server_key(key=ServerKey.objects.earliest("pk"), reason="rotated", now=now)
"""
IDS = """
from experiments.models import Event
for one in Event.objects.values_list("event_id", flat=True): print(one)
"""
WORKER = ("-m", "celery", "--app", "ctaopt.celery", "worker", "--beat", "--pool", "threads")


class Installation:
    """Processes of one installation, of whichever release."""

    def __init__(self, folder: Path, database: str, events: str = "") -> None:
        self.folder = folder
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
            "CTAOPT_DATA_DIR": str(folder / "data"),
            "DATABASE_URL": database,
            "CTAOPT_EVENTS_URL": events,
            # All visitors have one key, and one machine serves them.
            "CTAOPT_RATE_LIMIT_PER_S": "0",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, tree: Path = PROJECT) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command],
                cwd=tree,
                env=self.environment | {"PYTHONPATH": str(tree)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def serve(self, name: str, *, tree: Path = PROJECT) -> int:
        """Start web processes, wait for them, and return their port."""
        port = free_port()
        self.start(name, "-m", "ctaopt.serve", "--port", str(port), tree=tree)
        wait_for_port(port)
        return port

    def end(self, *names: str) -> None:
        """End processes after what they have under way, in whichever order they end."""
        ended = [self.processes.pop(name) for name in names]
        for process in ended:
            process.terminate()
        for process in ended:
            process.wait(timeout=120)

    def run(self, *command: str, tree: Path = PROJECT) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tree,
            env=self.environment | {"PYTHONPATH": str(tree)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        return done.stdout

    def script(self, text: str, *, tree: Path = PROJECT) -> str:
        return self.run("-c", f"import django; django.setup()\n{text}", tree=tree)


class Soak:
    """The steps, and what the visitors and the memory say meanwhile."""

    def __init__(self, used: Installation, make_database: Callable[[], str], old: Path) -> None:
        self._used, self._make_database, self._old = used, make_database, old
        self.site = Site(port=0, keys=["shop-client-key", "shop-server-key"])
        self.took_s: dict[str, float] = {}
        self.memory: dict[str, list[float]] = {}
        self.rehearsed: dict[str, int] = {}

    def begin(self) -> None:
        self._used.run("manage.py", "migrate", "--verbosity", "0", tree=self._old)
        self._used.script(SET_UP, tree=self._old)
        self._background(self._old)
        self.site.port = self._used.serve("web", tree=self._old)

    def _background(self, tree: Path = PROJECT) -> None:
        self._used.start("worker", *WORKER, "--loglevel", "WARNING", tree=tree)
        if self._used.environment["CTAOPT_EVENTS_URL"]:
            self._used.start("consumer", "manage.py", "consume_events", tree=tree)

    def _background_names(self) -> list[str]:
        return [name for name in ("worker", "consumer") if name in self._used.processes]

    def capacity_per_s(self) -> float:
        with Visitors(self.site, threads=THREADS, per_s=None):
            sleep(SETTLE_S)
            before = self.site.visits
            sleep(CAPACITY_S)
            found = (self.site.visits - before) / CAPACITY_S
        self.site.latencies_s.clear()
        return found

    def go(self, per_s: float, seconds: float) -> None:
        began = monotonic()
        with Visitors(self.site, threads=THREADS, per_s=per_s):
            self.site.step = QUIET
            for name, share in STEPS.items():
                sleep(max(0.0, began + share * seconds - monotonic()))
                self._step(name)
            while monotonic() < began + seconds:
                self._weigh()
                sleep(5)
        self._used.end("new web")

    def _step(self, name: str) -> None:
        self.site.step, began = name, monotonic()
        {
            "rolling upgrade": self._upgrade,
            "restart of the web workers": self._restart_web,
            "rotation of the keys": self._rotate_keys,
            "end of the old keys": lambda: self._used.script(END_OLD),
            "backup and restore": self._rehearse,
            "restart of worker and beat": self._restart_worker,
        }[name]()
        self.took_s[name] = round(monotonic() - began, 1)
        sleep(SETTLE_S)
        self.site.step = QUIET

    def _upgrade(self) -> None:
        """Upgrade in the order of docs/operations.md: worker and beat stand still meanwhile."""
        self._used.end(*self._background_names())
        self._used.run("manage.py", "migrate", "--verbosity", "0")
        self.site.port = self._used.serve("new web")
        self._used.end("web")
        self._background()

    def _restart_web(self) -> None:
        self._used.processes["new web"].send_signal(signal.SIGHUP)
        sleep(20)

    def _rotate_keys(self) -> None:
        self.site.keys = [*self.site.keys, *self._used.script(ROTATE).split()]
        sleep(SETTLE_S)
        self.site.keys = self.site.keys[2:]

    def _rehearse(self) -> None:
        before = set(self.site.acknowledged)
        self._used.run("manage.py", "backup", str(self._used.folder / "backups"))
        (backup,) = (one for one in (self._used.folder / "backups").iterdir() if one.is_dir())
        folder = self._used.folder / "restored"
        (folder / "data").mkdir(parents=True)
        restored = Installation(folder, self._make_database())
        restored.run("manage.py", "restore", str(backup))
        if self._used.environment["CTAOPT_EVENTS_URL"]:
            restored.environment["CTAOPT_EVENTS_URL"] = ""
        ids = set(restored.script(IDS).split())
        self.rehearsed = {
            "acknowledged_before": len(before),
            "restored": len(ids),
            "missing": len(before - ids),
        }

    def _restart_worker(self) -> None:
        self._used.end(*self._background_names())
        self._background()

    def _weigh(self) -> None:
        for name, process in self._used.processes.items():
            for place, pid in enumerate(family(process.pid)):
                self.memory.setdefault(f"{name} {place}", []).append(private_mb(pid))


def private_mb(pid: int) -> float:
    """Return the memory that a process shares with no other; 0 if it has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def growth(samples: list[float]) -> dict[str, float]:
    """Return the medians of the first and the last fifth, and their ratio."""
    fifth = max(len(samples) // 5, 1)
    first, last = statistics.median(samples[:fifth]), statistics.median(samples[-fifth:])
    return {"first_mb": round(first, 1), "last_mb": round(last, 1), "ratio": round(last / first, 3)}


def outcome(soak: Soak, used: Installation) -> dict[str, object]:
    used.end("worker")
    if "consumer" in used.processes:
        used.end("consumer")
    found = json.loads(used.run("-m", "tests.faults.inside", "outcome"))
    ids, site = set(found["ids"]), soak.site
    return {
        "acknowledged": len(site.acknowledged),
        "stored": len(found["ids"]),
        "stored_twice": len(found["ids"]) - len(ids),
        "missing": len(site.acknowledged - ids),
        "from_nowhere": len(ids - site.acknowledged - site.given_up),
        "visitors_in_rollups": found["visitors"],
        "rollups_are_a_recount": found["is_folded_as_recounted"],
        "rollups_are_a_rebuild": found["is_rebuilt_as_folded"],
    }


def milliseconds(latencies: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(latencies, n=1_000)
    return {
        name: round(1_000 * value, 1)
        for name, value in (("p50", cuts[499]), ("p99", cuts[989]), ("max", max(latencies)))
    }


def main(seconds: float, *, on_postgres: bool) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ctaopt-soak-")))
        (folder / "data").mkdir()
        used, make_database = installation(folder, stack, on_postgres=on_postgres)
        stack.callback(lambda: used.end(*used.processes))
        soak = Soak(used, make_database, old_tree(folder / "old"))
        soak.begin()
        capacity = soak.capacity_per_s()
        soak.go(SHARE * capacity, seconds)
        site, stored = soak.site, outcome(soak, used)
    memory = {name: growth(samples) for name, samples in sorted(soak.memory.items())}
    quiet = {key: n for key, n in site.errors.items() if key[0] in {QUIET, "start"}}
    record(
        "soak_postgres" if on_postgres else "soak",
        {
            "seconds": seconds,
            "capacity_visits_per_s": round(capacity, 1),
            "visits_per_s": round(SHARE * capacity, 1),
            "visits": site.visits,
            "visits_that_began_late": site.late,
            "steps_s": soak.took_s,
            "errors": {f"{step}: {path} {n}": k for (step, path, n), k in site.errors.items()},
            "errors_unprovoked": sum(quiet.values()),
            "milliseconds": {
                path: milliseconds(site.latencies_s[path]) for path in (EVALUATE, EVENTS)
            },
            "restored": soak.rehearsed,
            "memory": memory,
            "memory_is_flat": bool(memory)
            and all(one["ratio"] <= GROWS for one in memory.values()),
            "load_after": round(os.getloadavg()[0], 2),
            **stored,
        },
    )


def installation(
    folder: Path, stack: ExitStack, *, on_postgres: bool
) -> tuple[Installation, Callable[[], str]]:
    """Return an empty installation, and what makes another database for the rehearsal."""
    if not on_postgres:
        used = Installation(folder, f"sqlite:///{folder}/data/ctaopt.sqlite3")
        return used, lambda: f"sqlite:///{folder}/restored/data/ctaopt.sqlite3"
    database, redis = PostgresServer(), RedisServer(appendfsync="always")
    for server in (database, redis):
        server.start()
        stack.callback(server.remove)
    used = Installation(folder, database.create("soak"), redis.url())
    return used, lambda: database.create("restored")


def old_tree(folder: Path) -> Path:
    """Return the code of the last release, from the history of this checkout."""
    command = ["git", "-C", str(PROJECT), "archive", "--format=tar", OLD]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("seconds", nargs="?", type=float, default=SECONDS)
    options = parser.parse_args()
    main(options.seconds, on_postgres=options.postgres)
