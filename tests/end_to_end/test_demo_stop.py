"""How the demo ends: when asked, and when a part of it dies; and that it trains only once."""

import json
import os
import signal
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.end_to_end.demo_process import DemoProcess

pytestmark = pytest.mark.slow


def test_demo_trains_a_predictor_and_stops_with_everything_it_started(trained):
    demo, family, status = trained
    assert "passed the gate" in demo.said()
    assert len(family) >= 3  # worker, its timetable, web server
    assert status == 0
    assert demo.said().endswith("Stopping.\nStopped.\n")
    assert [pid for pid in family if is_running(pid)] == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A demo that trained and had visitors, its processes, and the status with which it stopped.

    It trains on the tiny encoder; that of the product passes the gate on the same archive in
    tests/experiments/services/operations/test_demo_history.py.
    """
    demo = DemoProcess(tmp_path_factory.mktemp("demo") / "data", predictor=True, visitors=50)
    demo.wait_until_it_says("Simulated visitors: all came.", seconds=600)
    family = demo.family()
    return demo, family, demo.stop(signal.SIGINT)


def test_predictor_of_the_demo_scores_wordings(trained):
    answer = json.loads(trained[0].manage("score_wording", "Essayer gratuitement", "--json"))
    assert answer["predictor"] == 1
    assert answer["wordings"][0]["refusal"] is None


def test_demo_that_died_trains_no_second_time_and_leaves_nothing(trained):
    demo = DemoProcess(trained[0].data_dir, predictor=True)
    demo.wait_until_it_says("Logs")
    assert "Predictor: trained already." in demo.said()
    family = demo.family()
    demo.process.kill()
    demo.process.wait()
    # They end in their own way: a request, a task or a start comes to its end.
    deadline = monotonic() + 240
    while left := [pid for pid in family if is_running(pid)]:
        assert monotonic() < deadline, [Path(f"/proc/{pid}/cmdline").read_text() for pid in left]
        sleep(0.1)


def test_demo_reports_a_server_that_died(tmp_path):
    demo = DemoProcess(tmp_path / "data")
    demo.wait_until_it_says("Logs")
    family = demo.family()
    os.kill(child_named(family, "ctaopt.serve"), signal.SIGKILL)
    assert demo.process.wait(timeout=240) == 1
    assert "CommandError: The web server stopped" in demo.said()
    assert [pid for pid in family if is_running(pid)] == []


def child_named(family, word):
    """Return the oldest process of the family whose command line has this word."""
    return min(pid for pid in family if word in Path(f"/proc/{pid}/cmdline").read_text())


def is_running(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"
