"""The dashboard and the alerts: they parse, and name only figures that the processes export."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client import REGISTRY

from ctaopt.observability import scoring_times
from experiments.api.public import prometheus
from experiments.services.events.redis_stream import Depths
from experiments.services.events.stream_consumer import ConsumerTally
from experiments.services.learning import ranking
from experiments.services.monitoring import state_metrics, task_runs
from experiments.services.monitoring.consumer_metrics import ConsumerMetrics
from tests import factories

METRIC = re.compile(r"\b(?:ctaopt|process)_[a-z_]+\b")
# Of Prometheus itself.
UP = {"up"}
FUNCTIONS = re.compile(r"\{[^}]*\}|\b(?:by|on) \([^)]*\)|\[[^\]]*\]|\"[^\"]*\"")


class Stream:
    def depths(self):
        return Depths(waiting=1, pending=0, dead=0)


@pytest.fixture
def exported(db, monkeypatch):
    """The names of all samples that web, worker, consumer and scoring service export."""
    factories.make_running_experiment(factories.make_slot(factories.make_site()))
    monkeypatch.setattr(state_metrics, "configured_stream", Stream)
    counters = (prometheus.EVENTS, prometheus.BUSY, prometheus.REJECTED, task_runs.RUNS)
    counters += (task_runs.SECONDS, ranking.RANKINGS, scoring_times.SECONDS)
    consumer = type("Consumer", (), {"tally": ConsumerTally()})()
    families = [family for each in counters for family in each.describe()]
    families += [family for family in REGISTRY.collect() if family.name.startswith("process_")]
    families += [*prometheus.TALLIES.collect(), *ConsumerMetrics(consumer).collect()]
    families += state_metrics.state_metrics(snapshot_age_s=1.0)
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {
        family.name + ending for family in families for ending in endings.get(family.type, ("",))
    }


@pytest.fixture
def rules(pytestconfig):
    path = pytestconfig.rootpath / "deploy/prometheus/alerts.yml"
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


@pytest.fixture
def panels(pytestconfig):
    path = pytestconfig.rootpath / "deploy/grafana/ctaopt.json"
    return [panel for panel in json.loads(path.read_text())["panels"] if panel["type"] != "row"]


def named(expressions):
    return {name for text in expressions for name in METRIC.findall(FUNCTIONS.sub("", text))}


def test_alerts_name_figures_that_exist(exported, rules):
    names = named(rule["expr"] for rule in rules)
    assert len(names) > 10
    assert names <= exported, names - exported


def test_dashboard_names_figures_that_exist(exported, panels):
    names = named(target["expr"] for panel in panels for target in panel["targets"])
    assert names <= exported, names - exported


def test_dashboard_shows_every_figure_of_ours(exported, panels):
    shown = named(target["expr"] for panel in panels for target in panel["targets"])
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exported}
    ours = {name for name in families if name.startswith("ctaopt_")}
    missing = ours - {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    # A histogram's `_count` has a name that looks like a figure of its own.
    assert missing <= {"ctaopt_request_seconds"}


def test_every_alert_says_what_it_is_and_what_to_do(rules):
    for rule in rules:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_panels_do_not_overlap(panels):
    places = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert not places & cells, panel["title"]
        assert grid["x"] + grid["w"] <= 24
        places |= cells


def test_manual_has_every_figure_and_every_check(exported, pytestconfig):
    manual = (pytestconfig.rootpath / "docs/monitoring.md").read_text()
    names = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exported}
    missing = {name for name in names if name.startswith("ctaopt_") and f"`{name}`" not in manual}
    assert missing - {"ctaopt_request_seconds"} == set()


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)"
)
def test_prometheus_itself_takes_the_files(pytestconfig, tmp_path):
    folder = pytestconfig.rootpath / "deploy/prometheus"
    for name in ("alerts.yml", "prometheus.yml"):
        shutil.copy(folder / name, tmp_path)
    shutil.copy(pytestconfig.rootpath / "tests/data/alerts_test.yml", tmp_path)
    for command in (
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ):
        result = subprocess.run(
            ["promtool", *command],  # noqa: S607
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
