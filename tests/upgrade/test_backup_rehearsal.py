"""Rehearsed: backups of an installation in use, and their restore into an empty one."""

import subprocess
import sys
from itertools import islice

import pytest

from experiments.services.installation.backup_manifest import finished_backups
from tests.upgrade import old_installation as old

pytestmark = pytest.mark.slow

# The first experiment of the stored installation, on the slot of the same name.
HERO = 1


class Installation:
    """A database and a data folder, worked on by commands of their own processes."""

    def __init__(self, folder, database):
        self.folder, self.database = folder, database

    def manage(self, *arguments):
        """Run a management command; return its output."""
        return old.run_program(
            ["manage.py", *map(str, arguments)], folder=self.folder, database=self.database
        ).stdout

    def event_ids(self):
        script = (
            "import django; django.setup(); from experiments.models import Event\n"
            "for one in Event.objects.values_list('event_id', flat=True): print(one)"
        )
        done = old.run_program(["-c", script], folder=self.folder, database=self.database)
        return set(done.stdout.split())

    def read_out(self):
        return old.read_out(folder=self.folder, database=self.database)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def new_database(request, tmp_path_factory):
    """A function that returns the address of a new database, empty or with the old one's rows."""

    def make(name, *, is_empty):
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("databases") / f"{name}.sqlite3"
            return f"sqlite:///{path}" if is_empty else old.unpack_sqlite(path)
        server = request.getfixturevalue("postgres_server")
        return server.create(name) if is_empty else old.load_postgres(server, name)

    return make


@pytest.fixture(scope="module")
def in_use(new_database, tmp_path_factory):
    """The stored installation, migrated; all tests of a database work on one."""
    database = new_database("in_use", is_empty=False)
    folder = old.unpack_folders(tmp_path_factory.mktemp("in_use") / "data")
    installation = Installation(folder, database)
    installation.manage("migrate", "--verbosity", "0")
    return installation


@pytest.fixture
def restored(new_database, tmp_path):
    """Restore a backup into a new, empty installation."""

    def restore(backup, name):
        folder = tmp_path / name
        folder.mkdir()
        installation = Installation(folder, new_database(name, is_empty=True))
        assert "Restored: " in installation.manage("restore", backup)
        return installation

    return restore


@pytest.fixture
def writer(in_use):
    command = [sys.executable, str(old.HERE / "steps" / "write_events.py"), "hero"]
    process = subprocess.Popen(
        command,
        cwd=old.ROOT,
        env=old.environment(folder=in_use.folder, database=in_use.database),
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_backup_under_load_loses_no_acknowledged_event(in_use, restored, writer, tmp_path):
    acknowledged = set()
    for n_backups in range(1, 4):
        acknowledged |= {line.strip() for line in islice(writer.stdout, 100)}
        in_use.manage("backup", tmp_path / "backups")
        # It went on meanwhile, or the load was none.
        assert writer.poll() is None
        made = finished_backups(tmp_path / "backups")
        assert len(made) == n_backups
    copy = restored(made[-1], "copy_under_load")
    assert len(acknowledged) == 300
    assert acknowledged <= copy.event_ids()
    recount = copy.read_out()["differences of the recount"]
    # Of the experiment that the load is about: each waiting event was booked or is not.
    assert [row["n_differing"] for row in recount if row["experiment_id"] == HERO] == [0]


def test_restored_reports_are_identical_to_the_digit(in_use, restored, tmp_path):
    in_use.manage("backup", tmp_path / "backups")
    (made,) = finished_backups(tmp_path / "backups")
    copy = restored(made, "copy")
    assert copy.read_out() == in_use.read_out()
