"""The whole service: real processes, a real port, a real database, 20,000 visitors."""

import http.client
import json
import signal
import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from scipy.stats import binomtest, chisquare

from experiments.management.connection import Connection
from experiments.management.visitor_simulation import Visits, simulate
from tests.end_to_end.demo_process import DemoProcess

# They share one demo and its visitors: a parallel run keeps a file's tests together.
pytestmark = pytest.mark.slow

VISITORS = 20_000
RATES = {"control": 0.040, "b": 0.055, "c": 0.062, "d": 0.036}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo that runs, without visitors of its own."""
    demo = DemoProcess(tmp_path_factory.mktemp("demo") / "data", is_first=True)
    try:
        demo.wait_until_it_says("Logs")
        yield demo
        assert demo.stop(signal.SIGTERM) == 0
    finally:
        demo.stop()


def get(demo, path, key="demo-server-key"):
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=30)
    with closing(connection):
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        return response.status, response.read()


@pytest.fixture(scope="module")
def visits(demo):
    # Three days ago, two days long: every visit is past, and days change under way.
    return Visits(
        url=demo.url,
        key="demo-client-key",
        slot="hero-signup",
        visitors=VISITORS,
        seed=11,
        rates=RATES,
        since=datetime.now(UTC) - timedelta(days=3),
        spread=timedelta(days=2),
        locale="fr",
        threads=4,
    )


@pytest.fixture(scope="module")
def tally(demo, visits):
    """What 20,000 visitors were shown and did; every event is folded afterwards."""
    tally = simulate(visits)
    demo.manage("fold_rollups")
    return tally


@pytest.fixture(scope="module")
def report(demo, tally):
    status, body = get(demo, "/api/v1/experiments/hero-signup-fr/report/")
    assert status == 200
    return json.loads(body)


def rows(demo, query):
    """Read the database with the standard library: independent of the service's own code."""
    with closing(sqlite3.connect(demo.data_dir / "ctaopt.sqlite3")) as database:
        return database.execute(query).fetchall()


def test_every_visitor_took_part(tally):
    assert (len(tally.arms), tally.outside, tally.duplicates) == (VISITORS, 0, 0)


def test_every_visitor_keeps_one_arm(demo, tally, visits):
    """Asked a second time, by the other endpoint and key, in another order."""
    connection = Connection(demo.url, key="demo-server-key")
    changed = []
    for visitor, arm in sorted(tally.arms.items()):
        context = {"targetingKey": visitor, "locale": "en", "device": "tablet"}
        answer = connection.post("/ofrep/v1/evaluate/flags", {"context": context})
        flags = {flag["key"]: flag["variant"] for flag in answer.body["flags"]}
        if flags["hero-signup"] != arm:
            changed.append(visitor)
    connection.close()
    assert changed == []


def test_no_visitor_was_exposed_to_two_arms(demo, tally):
    query = """
        SELECT visitor FROM experiments_event WHERE type = 'exposure'
        GROUP BY visitor HAVING COUNT(DISTINCT variant_id) > 1
    """
    assert rows(demo, query) == []


def test_split_passes_the_sample_ratio_test(tally, report):
    assert chisquare(list(tally.shown.values())).pvalue > 0.001
    assert report["srm"]["is_mismatch"] is False
    # An e-value's p-value is 1 or close to it while nothing speaks against the split.
    assert report["srm"]["p_value"] > chisquare(list(tally.shown.values())).pvalue


def recount(demo):
    """Count the raw events again: (day of first exposure, arm) -> visitors, clicking visitors."""
    first, clicks = {}, defaultdict(list)
    query = """
        SELECT e.type, e.visitor, v.key, e.occurred_at FROM experiments_event e
        JOIN experiments_variant v ON v.id = e.variant_id ORDER BY e.occurred_at DESC
    """
    for kind, visitor, arm, at in rows(demo, query):
        if kind == "exposure":
            first[visitor] = (at, arm)
        else:
            clicks[visitor].append(at)
    counts = defaultdict(lambda: [0, 0])
    for visitor, (at, arm) in first.items():
        cell = counts[at[:10], arm]
        cell[0] += 1
        cell[1] += any(click >= at for click in clicks[visitor])
    return {key: tuple(cell) for key, cell in counts.items()}


def booked(demo):
    query = """
        SELECT r.day, v.key, r.visitors, r.clicking_visitors FROM experiments_rollup r
        JOIN experiments_variant v ON v.id = r.variant_id
        JOIN experiments_experiment x ON x.id = r.experiment_id
        WHERE x.key = 'hero-signup-fr' AND r.segment = ''
    """
    return {(day, arm): (visitors, clicks) for day, arm, visitors, clicks in rows(demo, query)}


def test_rollups_equal_a_recount_of_the_raw_events(demo, tally):
    counted = recount(demo)
    assert booked(demo) == counted
    assert sum(visitors for visitors, _ in counted.values()) == VISITORS
    assert sum(clicks for _, clicks in counted.values()) == sum(tally.clicked.values())


def test_rebuilt_rollups_are_the_same(demo, tally):
    before = booked(demo)
    demo.manage("rebuild_rollups", "hero-signup-fr")
    assert booked(demo) == before


def test_events_sent_again_change_nothing(demo, tally, visits):
    before = rows(demo, "SELECT COUNT(*) FROM experiments_event")
    few = Visits(**{name: getattr(visits, name) for name in Visits.__slots__} | {"threads": 1})
    again = simulate(few)
    assert (again.accepted, again.duplicates) == (0, tally.accepted)
    assert again.arms == tally.arms
    assert rows(demo, "SELECT COUNT(*) FROM experiments_event") == before


def test_report_recovers_the_true_rates(tally, report):
    arms = {arm["key"]: arm for arm in report["arms"]}
    for key, rate in RATES.items():
        assert arms[key]["visitors"] == tally.shown[key]
        assert arms[key]["clicks"] == tally.clicked[key]
        assert binomtest(arms[key]["clicks"], arms[key]["visitors"], rate).pvalue > 0.001, key


def test_report_finds_the_arms_that_are_better(report):
    rows = {row["key"]: row for row in report["comparisons"]}
    for key in ("b", "c"):
        assert rows[key]["fixed"]["p_value_adjusted"] < 0.05, key
        assert rows[key]["lift"] > 0, key


@pytest.mark.parametrize("path", ["/", "/account/login/", "/api/docs/", "/api/schema/", "/cta.js"])
def test_pages_answer(demo, path):
    status, body = get(demo, path)
    assert status == 200
    assert body


def test_second_start_on_the_same_data_is_refused(demo):
    second = DemoProcess(demo.data_dir)
    assert second.process.wait(timeout=240) == 1
    assert f"(process {demo.process.pid})" in second.said()
    assert len(second.said().splitlines()) == 1


def test_start_on_a_port_in_use_is_refused(demo, tmp_path):
    second = DemoProcess(tmp_path / "data", port=demo.port)
    assert second.process.wait(timeout=240) == 1
    assert second.said().splitlines() == [
        f"CommandError: Port {demo.port} is in use: "
        "stop what uses it, or choose another with PORT=..."
    ]
