"""Counters of all processes of a machine, through files in one folder.

Each process writes its own counters every few seconds; whichever process Prometheus asks writes
its own and adds up everybody's. A process that has ended leaves its last figures, which are moved
to one common file: sums never fall, and the folder stays small. A lock that the system releases
with the process marks the living, across containers that share the folder, too.
"""

import fcntl
import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize
from pathlib import Path
from time import sleep
from typing import IO, Any

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
OWN = "ctaopt_"
# Of the process itself: one series for each living one.
PROCESS = "process_"
ENDED = "ended.json"
Families = dict[str, dict[str, Any]]


class ProcessMetrics:
    """The counters of this process, and its file in the folder."""

    def __init__(self, *, folder: Path, role: str, registry: CollectorRegistry = REGISTRY) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._registry = registry
        self._labels = {"role": role, "process": f"{socket.gethostname()}:{os.getpid()}"}
        # Unique: processes in two containers may have one number.
        self._name = f"{role}-{os.getpid()}-{secrets.token_hex(6)}"
        self._lock = _locked(folder / f"{self._name}.lock")
        self._writing = threading.Lock()

    def write(self) -> None:
        """Replace this process's file."""
        content = json.dumps(families_of(self._registry, self._labels))
        with self._writing:
            draft = self._folder / f"{self._name}.part"
            draft.write_text(content)
            draft.replace(self._folder / f"{self._name}.json")

    def close(self) -> None:
        """Give the lock back, as the end of the process does."""
        self._lock.close()

    def write_for_ever(self, *, interval_s: float = INTERVAL_S) -> None:
        """Write from a thread until the process ends, and at its end."""
        self._try_to_write()

        def run() -> None:
            while True:
                sleep(interval_s)
                self._try_to_write()

        threading.Thread(target=run, name="metrics", daemon=True).start()
        # Not `atexit`: the server's workers are forks, which end without it.
        Finalize(None, self._try_to_write, exitpriority=10)

    def _try_to_write(self) -> None:
        try:
            self.write()
        except OSError as error:
            logger.warning("metrics: %s cannot be written: %s", self._folder, error.strerror)

    def collect(self) -> Iterator[Metric]:
        """Return the sums over all processes of the folder, this one's as of now."""
        self.write()
        yield from merged(self._folder)


class Everybody(Collector):
    """Collector of `ProcessMetrics.collect` for a registry of its own."""

    def __init__(self, metrics: ProcessMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics.collect()

    def describe(self) -> Iterator[Metric]:
        return iter(())


def families_of(registry: CollectorRegistry, labels: dict[str, str]) -> Families:
    """Return the counters and histograms of a registry; figures of the process get labels."""
    families: Families = {}
    for family in registry.collect():
        is_process = family.name.startswith(PROCESS)
        if not is_process and not family.name.startswith(OWN):
            continue
        more = labels if is_process else {}
        samples = [
            [sample.name, {**sample.labels, **more}, sample.value]
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        families[family.name] = {
            "type": family.type,
            "documentation": family.documentation,
            "samples": samples,
        }
    return families


def merged(folder: Path) -> Iterator[Metric]:
    """Return the sums of all files, after moving those of ended processes into the common one."""
    with _only_one(folder):
        ended = _with_ended(folder)
        living = [content for path in _figures(folder) if (content := _read(path))]
        parts = [ended["families"], *living]
    yield from (_metric(name, family) for name, family in _sum(parts).items())


def _with_ended(folder: Path) -> dict[str, Any]:
    """Return the common figures of ended processes, those that ended since included."""
    path = folder / ENDED
    ended = _read(path) or {"files": [], "families": {}}
    gone = [each for each in _figures(folder) if _has_ended(each.with_suffix(".lock"))]
    # One that is named was added before; who added it was killed before removing it.
    new = [each for each in gone if each.name not in ended["files"]]
    if new:
        kept = [_without_process(content) for each in new if (content := _read(each))]
        families = _sum([ended["families"], *kept])
        ended = {"files": [each.name for each in gone], "families": families}
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(ended))
        draft.replace(path)
    for each in gone:
        for suffix in (".json", ".lock", ".part"):
            each.with_suffix(suffix).unlink(missing_ok=True)
    return ended


def _without_process(families: Families) -> Families:
    return {name: one for name, one in families.items() if not name.startswith(PROCESS)}


def _figures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.name != ENDED)


def _sum(parts: Iterable[Families]) -> Families:
    total: Families = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for families in parts:
        for name, family in families.items():
            total.setdefault(name, {**family, "samples": []})
            sums = values.setdefault(name, {})
            for sample, labels, value in family["samples"]:
                key = (sample, tuple(labels.items()))
                sums[key] = sums.get(key, 0.0) + value
    for name, sums in values.items():
        total[name]["samples"] = [
            [sample, dict(labels), value] for (sample, labels), value in sums.items()
        ]
    return total


def _metric(name: str, family: dict[str, Any]) -> Metric:
    metric = Metric(name, family["documentation"], family["type"])
    for sample, labels, value in family["samples"]:
        metric.add_sample(sample, labels, value)
    return metric


def _read(path: Path) -> Any:
    """Return a file's content; None if it went away or is broken."""
    with suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return None


def _locked(path: Path) -> IO[str]:
    """Return a file that stays locked as long as this process lives."""
    file = path.open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _has_ended(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Let one process at a time read and move the files."""
    with (folder / "folder.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


_shared: dict[int, ProcessMetrics] = {}


def share_metrics(*, folder: Path | None, role: str, address: str = "") -> None:
    """Begin to write this process's counters into the folder; without one, they are its own.

    Args:
        folder: Folder that the processes of a machine share.
        role: Name of the process's kind.
        address: `host:port` at which this process answers Prometheus itself; empty: nowhere.
    """
    if folder is None or os.getpid() in _shared:
        return
    try:
        metrics = _shared[os.getpid()] = ProcessMetrics(folder=folder, role=role)
        metrics.write_for_ever()
        if address:
            registry = CollectorRegistry()
            registry.register(Everybody(metrics))
            host, _, port = address.rpartition(":")
            start_http_server(int(port), host or "127.0.0.1", registry=registry)
    except OSError as error:
        logger.warning("metrics of the %s are not shared: %s", role, error.strerror)


def collected() -> Iterator[Metric]:
    """Return the figures of all processes that share with this one, or of this one alone."""
    metrics = _shared.get(os.getpid())
    if metrics is not None:
        try:
            yield from list(metrics.collect())
        except OSError as error:
            logger.warning("metrics: the folder cannot be used: %s", error.strerror)
        else:
            return
    families = families_of(REGISTRY, {})
    yield from (_metric(name, family) for name, family in families.items())
