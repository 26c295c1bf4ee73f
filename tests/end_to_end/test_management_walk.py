"""The walk of docs/api.md, as it stands there, through a running service."""

import re
import subprocess
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.end_to_end.live_service import LiveService

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
WALK = re.compile(r"## From a site to a report\n.*?```sh\n(.*?)```", re.DOTALL)


START_S = 240


def wait_for_pages(service):
    """Wait for the process of the pages, which starts after the workers."""
    deadline = monotonic() + START_S
    while True:
        connection = service.connect()
        connection.request("GET", "/api/v1/sites/", headers={"X-API-Key": "demo-server-key"})
        status = connection.getresponse().status
        connection.close()
        if status == 200:
            return
        assert monotonic() < deadline, status
        sleep(0.2)


@pytest.fixture
def service(tmp_path):
    running = LiveService(tmp_path)
    wait_for_pages(running)
    yield running
    running.stop()


def walk(service):
    (script,) = WALK.findall(PAGE.read_text())
    script = script.replace("http://localhost:8000", service.url)
    assert service.url in script
    command = ["/bin/bash", "-eu", "-o", "pipefail", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_walk_of_the_page_leads_from_a_site_to_a_report(service):
    done = walk(service)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"faults":[]' in done.stdout
    assert '"status":"running"' in done.stdout
    assert re.search(r'"variant": ?"(control|now)"', done.stdout)
    assert '"experiment":"buy-now"' in done.stdout
    last = done.stdout.splitlines()[-1]
    assert '"status":"stopped"' in last
    assert '"outcome":"inconclusive"' in last


def test_walk_taken_twice_is_told_what_exists(service):
    walk(service)
    again = walk(service)
    assert again.returncode != 0
    assert '"status":409' in again.stdout
    assert '"existing":{' in again.stdout
