"""The examples of the documentation do what they say, against the demo's own data."""

import json
import re
import shlex
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine

from experiments.api.public import router
from experiments.api.public.router import Edge
from experiments.services.operations.demo_data import load_demo
from experiments.services.serving.snapshot_store import SnapshotStore
from tests.factories import NOW, event_id
from tests.wsgi_client import WSGIClient

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = re.compile(r"```sh\n(?:new_id.*\n)?(curl .*?)```\n(?:\n```json\n(.*?)```)?", re.DOTALL)
HERE_DOCUMENT = re.compile(r"(.*) <<END\n(.*)\nEND\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """A curl command, taken apart."""

    path: str
    query: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def parsed(command):
    """What curl would send; the shell's substitutions are made here."""
    here = HERE_DOCUMENT.fullmatch(command)
    words = shlex.split(here[1] if here else command)
    headers = {}
    for option, value in pairwise(words):
        if option == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
    body = here[2] if here else words[words.index("-d") + 1]
    body = body.replace("$(date -u +%FT%TZ)", NOW.strftime("%Y-%m-%dT%H:%M:%SZ"))
    body = re.sub(re.escape("$(new_id)"), lambda _: str(event_id()), body)
    start = "http://127.0.0.1:${PORT:-8000}/"
    # The shell's variable is not an address yet: only what follows it is.
    address = next(word for word in words if word.startswith(start))
    url = urlsplit(f"/{address.removeprefix(start)}")
    return Call(url.path, url.query, body, headers)


def examples():
    for name in ("serving.md", "events.md"):
        for command, answer in EXAMPLE.findall((DOCS / name).read_text()):
            yield pytest.param(command, answer, id=f"{name}: {command.split()[2][29:60]}")


@pytest.fixture
def demo(db, tmp_path, monkeypatch):
    """The demo as `make demo` loads it, asked without a socket."""
    monkeypatch.setattr(router, "close_old_connections", lambda: None)
    with time_machine.travel(NOW, tick=False):
        load_demo(work_dir=tmp_path, now=NOW)
        yield WSGIClient(Edge(None, SnapshotStore(max_age_s=0.0)))


@pytest.mark.parametrize(("command", "answer"), list(examples()))
def test_example_works(demo, command, answer):
    call = parsed(command)
    got = demo.request(
        "POST", call.path, body=call.body.encode(), query=call.query, headers=call.headers
    )
    assert got.status in {200, 202, 404}
    if answer:
        assert without_revision(got.json()) == without_revision(json.loads(answer))
    else:
        assert got.json()["flags"]


def without_revision(content):
    """The answer without the number that every change of the demo's data would move."""
    if "metadata" in content:
        content["metadata"].pop("revision")
    return content


def test_there_are_examples():
    assert len(list(examples())) == 4


@pytest.mark.parametrize(
    "package", ["accounts", "ctaopt", "ctaopt_django", "experiments", "ml", "tables"]
)
def test_sources_name_only_pages_that_exist(package):
    named = {
        name
        for path in (DOCS.parent / package).rglob("*.py")
        for name in re.findall(r"[\w./-]+/[\w-]+\.md\b|\bdesign\.md\b", path.read_text())
    }
    assert [name for name in sorted(named) if not (DOCS.parent / name).is_file()] == []
