"""Commands of the pages of documentation, run word for word beside a running demo."""

import json
import os
import re
import shutil
import subprocess
from contextlib import closing
from http.client import HTTPConnection

import pytest

from experiments.management.preflight import free_port
from tests.databases import PROJECT
from tests.end_to_end.proxies import nginx_around, started
from tests.missing import leave_out

pytestmark = pytest.mark.slow


def blocks(page, language):
    """Return the blocks of a page in one language, in their order."""
    text = (PROJECT / "docs" / page).read_text()
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


@pytest.fixture
def answer_of(demo, tmp_path):
    """Run a command in a new user's terminal that has the port of the demo; return what it says."""

    def answer_of(script):
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", script],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORT": str(demo.port)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return answer_of


def test_events_that_the_page_sends_have_the_answer_that_it_shows(answer_of):
    (command,) = [block for block in blocks("events.md", "sh") if "/api/v1/events" in block]
    shown = next(json.loads(one) for one in blocks("events.md", "json") if "accepted" in one)
    assert json.loads(answer_of(command)) == shown


def test_past_tests_are_asked_for_as_the_page_says(answer_of):
    (command,) = [block for block in blocks("past-tests.md", "sh") if "/past-tests/" in block]
    page = json.loads(answer_of(command))
    assert {test["verdict"] for test in page["results"]} <= {"winner"}


def test_fragment_that_the_page_asks_for_is_the_element(answer_of):
    (request,) = [block for block in blocks("server-rendering.md", "") if "GET /" in block]
    address = request.split()[1].replace("CLIENT_KEY", "demo-client-key")
    element = answer_of(f'curl -sS --fail "http://127.0.0.1:$PORT{address}"')
    assert element.startswith("<a ")
    assert 'data-cta-slot="hero-signup"' in element
    assert 'lang="fr"' in element


@pytest.fixture
def page_of_nginx(demo, tmp_path):
    """The documented page, as nginx includes the element in it; for a visitor and a key."""
    if shutil.which("nginx") is None:
        leave_out("no nginx (Debian package nginx-light)")
    (places,) = [block for block in blocks("server-rendering.md", "nginx") if "ssi" in block]
    (included,) = [block for block in blocks("server-rendering.md", "html") if "include" in block]
    (tmp_path / "pricing").mkdir()
    (tmp_path / "pricing" / "index.html").write_text(included)
    processes = []

    def page(*, visitor="", key="demo-client-key", url=demo.url):
        port = free_port()
        behind = places.replace("https://cta.example.org", url).replace("CLIENT_KEY", key)
        server = f"server {{ listen 127.0.0.1:{port}; root {tmp_path};\n{behind} }}"
        main = nginx_around(server, tmp_path)
        processes.append(started(["nginx", "-p", str(tmp_path), "-c", str(main)], tmp_path, [port]))
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        with closing(connection):
            connection.request(
                "GET", "/pricing/", headers={"Cookie": f"ctaopt_visitor={visitor}; other=1"}
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    yield page
    for process in processes:
        process.terminate()
        process.wait(timeout=240)


def test_nginx_includes_the_element_of_a_visitor(page_of_nginx):
    status, page = page_of_nginx(visitor="v-of-the-cookie")
    assert status == 200
    assert page.count("<a ") == 1
    assert 'data-cta-experiment="' in page
    assert 'lang="fr"' in page


def test_nginx_includes_the_element_of_everybody_without_a_cookie(page_of_nginx):
    _, page = page_of_nginx()
    assert page.count("<a ") == 1
    assert "data-cta-experiment" not in page


OWN = '<a href="/signup" data-cta-slot="hero-signup">Sign up</a>'


def test_nginx_keeps_the_own_link_if_the_service_refuses(page_of_nginx):
    _, page = page_of_nginx(visitor="v-of-the-cookie", key="of-nobody")
    assert page.strip() == OWN


def test_nginx_keeps_the_own_link_if_the_service_is_away(page_of_nginx):
    _, page = page_of_nginx(visitor="v-of-the-cookie", url=f"http://127.0.0.1:{free_port()}")
    assert page.strip() == OWN
