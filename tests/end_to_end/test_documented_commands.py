"""Commands of the pages of documentation, run word for word beside a running demo."""

import json
import os
import re
import subprocess

import pytest

from tests.databases import PROJECT

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
