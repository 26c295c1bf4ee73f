"""Counters of several real processes: summed, never falling, the ended ones kept."""

import json
import os
import signal
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily

from experiments.services.monitoring.process_metrics import ENDED, ProcessMetrics, merged

CHILD = """
import sys, time
from pathlib import Path
from prometheus_client import CollectorRegistry, Counter
from experiments.services.monitoring.process_metrics import ProcessMetrics
registry = CollectorRegistry()
counter = Counter("ctaopt_events", "Events.", ("site",), registry=registry)
counter.labels("shop").inc(float(sys.argv[2]))
metrics = ProcessMetrics(folder=Path(sys.argv[1]), role="web", registry=registry)
metrics.write()
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path, pytestconfig):
    """Start a process that has counted so many events and waits."""
    children = []

    def run(n_events):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(n_events)],
            cwd=pytestconfig.rootpath,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        children.append(child)
        assert child.stdout.readline() == b"written\n"
        return child

    yield run
    for child in children:
        child.kill()
        child.communicate()


def end(child):
    child.send_signal(signal.SIGKILL)
    child.wait()


def total(folder, name="ctaopt_events_total"):
    samples = [each for family in merged(folder) for each in family.samples]
    return sum(each.value for each in samples if each.name == name)


def names(folder):
    return {path.name for path in folder.iterdir()} - {ENDED, "folder.lock"}


def test_counts_of_living_and_ended_processes_are_added_up(tmp_path, start):
    first, second = start(3), start(4)
    assert total(tmp_path) == 7
    end(first)
    assert [total(tmp_path) for _ in range(3)] == [7, 7, 7]
    assert len(names(tmp_path)) == 2  # the living one's file and lock
    start(10)
    end(second)
    assert total(tmp_path) == 17


def test_folder_stays_small_over_many_restarts(tmp_path, start):
    for _ in range(5):
        end(start(1))
    assert total(tmp_path) == 5
    assert names(tmp_path) == set()


def test_process_killed_between_adding_and_removing_counts_once(tmp_path, start):
    end(start(3))
    (figures,) = tmp_path.glob("*.json")
    kept, lock = figures.read_text(), figures.with_suffix(".lock")
    assert total(tmp_path) == 3
    figures.write_text(kept)  # as if it had not been removed
    lock.touch()
    assert total(tmp_path) == 3


def test_broken_file_is_left_out(tmp_path, start):
    start(3)
    (tmp_path / "web-1-x.json").write_text("{")
    (tmp_path / "web-1-x.lock").touch()
    assert total(tmp_path) == 3


@pytest.fixture
def make(tmp_path):
    """Make the metrics of one more process; all live until the end of the test."""
    living = []

    def one(role="web"):
        registry = CollectorRegistry()
        metrics = ProcessMetrics(folder=tmp_path, role=role, registry=registry)
        living.append(metrics)
        return registry, metrics

    yield one
    for metrics in living:
        metrics.close()


def test_own_counts_are_those_of_now(make):
    registry, metrics = make()
    counter = Counter("ctaopt_events", "Events.", registry=registry)
    for expected in (1, 2, 3):
        counter.inc()
        values = {each.name: each.value for family in metrics.collect() for each in family.samples}
        assert values == {"ctaopt_events_total": expected}


def test_histograms_are_added_bucket_by_bucket(tmp_path, make):
    for value in (0.2, 0.7, 3.0):
        registry, metrics = make()
        Histogram("ctaopt_s", "S.", registry=registry, buckets=(0.5, 1.0)).observe(value)
        metrics.write()
    (family,) = merged(tmp_path)
    values = {(each.name, each.labels.get("le")): each.value for each in family.samples}
    assert [values["ctaopt_s_bucket", le] for le in ("0.5", "1.0", "+Inf")] == [1, 2, 3]
    assert values["ctaopt_s_sum", None] == pytest.approx(3.9)
    assert family.type == "histogram"


class Memory:
    def collect(self):
        family = CounterMetricFamily("process_cpu_seconds", "CPU.")
        family.add_metric((), 1.5)
        yield family


def test_figures_of_a_process_keep_its_name(tmp_path, make):
    kept = [make(role) for role in ("web", "worker")]
    for registry, metrics in kept:
        registry.register(Memory())
        metrics.write()
    (family,) = merged(tmp_path)
    labels = [each.labels for each in family.samples]
    assert {each["role"] for each in labels} == {"web", "worker"}
    assert all(each["process"].endswith(f":{os.getpid()}") for each in labels)


def test_files_hold_counts_only(tmp_path, make):
    registry, metrics = make()
    Counter("other_events", "Not ours.", registry=registry).inc()
    Counter("ctaopt_events", "Ours.", registry=registry).inc()
    metrics.write()
    (path,) = tmp_path.glob("*.json")
    families = json.loads(path.read_text())
    assert [each[0] for each in families["ctaopt_events"]["samples"]] == ["ctaopt_events_total"]
    assert set(families) == {"ctaopt_events"}
