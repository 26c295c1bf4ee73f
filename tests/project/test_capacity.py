"""The capacity model: from measured figures to the table in docs/scaling.md."""

import importlib.util
from dataclasses import replace

import pytest

from tests.project.test_docs import DOCS

PROJECT = DOCS.parent


@pytest.fixture(scope="module")
def capacity():
    path = PROJECT / "benchmarks" / "capacity.py"
    spec = importlib.util.spec_from_file_location("capacity", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def known(capacity):
    """A machine that takes in 10,000 events a second whatever the way, and folds as many."""
    names = capacity.Measured.__slots__
    rates = {name: 10_000.0 for name in names if name.endswith("per_s")}
    space = {name: 100.0 for name in names if name.endswith("bytes")}
    seconds = {name: 1.0 for name in names if name.endswith("a_million")}
    return capacity.Measured(**rates, **space, **seconds)


def test_size_follows_from_the_figures(capacity, known):
    size = capacity.size_of(86_400 * 1_000, known)
    assert size.peak_per_s == pytest.approx(3_000)
    assert size.sqlite_load == pytest.approx(0.2)  # 1,000 of the 5,000 it stores and folds
    assert (size.web_machines, size.databases) == (1, 1)
    assert size.stored_bytes == pytest.approx(86_400 * 1_000 * 90 * 100)
    assert size.count_s == pytest.approx(86.4 * 30)
    assert size.breaks == ()


def test_machines_are_added_when_one_is_full(capacity, known):
    size = capacity.size_of(86_400 * 7_000, known)  # 21,000 at the peak; 7,000 each
    assert (size.web_machines, size.databases) == (3, 2)
    assert "one web machine" in size.breaks
    assert "one database" in size.breaks


def test_nothing_that_broke_holds_at_a_larger_size(capacity, known):
    broken = set()
    for volume in capacity.VOLUMES:
        now = set(capacity.size_of(volume, known).breaks)
        assert broken <= now
        broken = now
    assert len(broken) == 6


def test_faster_machine_breaks_later(capacity, known):
    faster = replace(known, sqlite_per_s=1e6, folded_sqlite_per_s=1e6)
    volume = 86_400 * 6_000
    assert "SQLite's one writer" in capacity.size_of(volume, known).breaks
    assert "SQLite's one writer" not in capacity.size_of(volume, faster).breaks


def test_missing_benchmark_is_named(capacity, tmp_path):
    with pytest.raises(SystemExit, match=r"run benchmarks/bench_events.py first"):
        capacity.measured(tmp_path)


def test_table_in_the_documentation_is_the_computed_one(capacity):
    page = (DOCS / "scaling.md").read_text()
    written = page.split(capacity.BEGIN)[1].split(capacity.END)[0].strip()
    if not written:
        return  # Not measured yet; a page without a table claims nothing.
    results = PROJECT / "benchmarks" / "results"
    said, _, table = written.partition("\n\n")
    assert said.startswith("Figures: events.json of ")
    # Of a later run the page may lag behind; of the run that it names it says what was measured.
    if said == capacity.stamp(results):
        assert table == capacity.table(capacity.measured(results))
