"""A rolling upgrade: processes of an earlier commit go on beside the new schema.

The database is migrated first, while web processes of the old code serve and take events; then
new ones take over, and nothing that either acknowledged is missing.
"""

import io
import json
import subprocess
import sys
import tarfile
from itertools import islice

import pytest

from tests.missing import leave_out
from tests.upgrade import old_installation as old

pytestmark = pytest.mark.slow

# The commit that made the stored installation.
OLD = "df7843e"
EVALUATE = """
import json, sys
sys.path.insert(0, {steps!r})
from frozen import CLIENT_KEY, begin, client
begin()
caller = client(CLIENT_KEY)
for n in range(40):
    context = {{"context": {{"targetingKey": f"visitor-{{n}}"}}}}
    answer = caller.post("/ofrep/v1/evaluate/flags/hero", context)
    print(answer.status, answer.json()["variant"])
"""


@pytest.fixture(scope="module")
def old_tree(tmp_path_factory):
    """The code of the earlier commit, from the history of this checkout."""
    command = ["git", "archive", "--format=tar", OLD]
    done = subprocess.run(command, cwd=old.ROOT, capture_output=True, check=False)
    if done.returncode:
        leave_out(f"the history of this checkout has no commit {OLD} (clone it without --depth)")
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def installation(request, tmp_path_factory):
    """Folder and database of the stored installation, migrated by the new code."""
    tmp_path = tmp_path_factory.mktemp("rolling")
    if request.param == "sqlite":
        database = old.upgraded_sqlite(tmp_path / "site.sqlite3")
    else:
        database = old.upgraded_postgres(request.getfixturevalue("postgres_server"), "rolling")
    return {"folder": old.unpack_folders(tmp_path / "data"), "database": database}


@pytest.fixture
def writer(installation):
    """Start a process of some code that sends events until the end of the test."""
    running = []

    def start(tree):
        command = [sys.executable, str(old.HERE / "steps" / "write_events.py"), "hero"]
        environment = old.environment(tree=tree, **installation)
        process = subprocess.Popen(
            command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def acknowledged(process, number):
    return {line.strip() for line in islice(process.stdout, number)}


def test_old_and_new_processes_take_events_side_by_side(installation, old_tree, writer):
    before, after = writer(old_tree), writer(old.ROOT)
    sent = acknowledged(before, 100) | acknowledged(after, 100) | acknowledged(before, 100)
    assert (before.poll(), after.poll(), len(sent)) == (None, None, 300)
    script = (
        "import django; django.setup(); from experiments.models import Event\n"
        "for one in Event.objects.values_list('event_id', flat=True): print(one)"
    )
    found = old.run_program(["-c", script], **installation).stdout.split()
    assert sent <= set(found)


def test_old_and_new_processes_give_a_visitor_the_same_arm(installation, old_tree):
    script = EVALUATE.format(steps=str(old.HERE / "steps"))
    answers = [
        old.run_program(["-c", script], tree=tree, **installation).stdout.splitlines()
        for tree in (old_tree, old.ROOT)
    ]
    assert answers[0] == answers[1]
    assert {line.split()[0] for line in answers[0]} == {"200"}
    assert len({json.dumps(line) for line in answers[0]}) > 1
