"""How the demo ends: when asked, and when a part of it dies."""

import json
import os
import signal
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.end_to_end.demo_process import DemoProcess

pytestmark = pytest.mark.slow


def test_demo_stops_with_everything_it_started(tmp_path):
    demo = DemoProcess(tmp_path / "data", visitors=50)
    demo.wait_until_it_says("Simulated visitors: all came.")
    family = demo.family()
    assert len(family) >= 3  # worker, its timetable, web server
    assert demo.stop(signal.SIGINT) == 0
    assert demo.said().endswith("Stopping.\nStopped.\n")
    assert [pid for pid in family if is_running(pid)] == []


def test_demo_trains_a_predictor_once(tmp_path):
    demo = DemoProcess(tmp_path / "data", predictor=True)
    demo.wait_until_it_says("Ready", seconds=600)
    assert "passed the gate" in demo.said()
    answer = json.loads(demo.manage("score_wording", "Essayer gratuitement", "--json"))
    assert answer["predictor"] == 1
    assert answer["wordings"][0]["refusal"] is None
    demo.stop()
    again = DemoProcess(tmp_path / "data", predictor=True)
    again.wait_until_it_says("Ready")
    assert "Predictor: trained already." in again.said()
    again.stop()


def test_demo_reports_a_server_that_died(tmp_path):
    demo = DemoProcess(tmp_path / "data")
    demo.wait_until_it_says("Logs")
    family = demo.family()
    os.kill(child_named(family, "ctaopt.serve"), signal.SIGKILL)
    assert demo.process.wait(timeout=240) == 1
    assert "CommandError: The web server stopped" in demo.said()
    assert [pid for pid in family if is_running(pid)] == []


def test_demo_that_is_killed_leaves_nothing_it_started(tmp_path):
    demo = DemoProcess(tmp_path / "data")
    demo.wait_until_it_says("Logs")
    family = demo.family()
    demo.process.kill()
    demo.process.wait()
    # They end in their own way: a request, a task or a start comes to its end.
    deadline = monotonic() + 240
    while left := [pid for pid in family if is_running(pid)]:
        assert monotonic() < deadline, [Path(f"/proc/{pid}/cmdline").read_text() for pid in left]
        sleep(0.1)


def child_named(family, word):
    """Return the oldest process of the family whose command line has this word."""
    return min(pid for pid in family if word in Path(f"/proc/{pid}/cmdline").read_text())


def is_running(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"
