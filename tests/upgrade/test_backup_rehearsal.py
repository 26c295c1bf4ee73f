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

    def recount(self):
        return old.recount(folder=self.folder, database=self.database)

    def reports(self):
        return old.reports(folder=self.folder, database=self.database)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def new_database(request, tmp_path_factory):
    """A function that returns the address of a new database, empty or upgraded."""

    def make(name, *, is_empty):
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("databases") / f"{name}.sqlite3"
            return f"sqlite:///{path}" if is_empty else old.upgraded_sqlite(path)
        server = request.getfixturevalue("postgres_server")
        return server.create(name) if is_empty else old.upgraded_postgres(server, name)

    return make


@pytest.fixture(scope="module")
def in_use(new_database, tmp_path_factory):
    """The stored installation after its upgrade; all tests of a database work on one."""
    database = new_database("in_use", is_empty=False)
    folder = old.unpack_folders(tmp_path_factory.mktemp("in_use") / "data")
    return Installation(folder, database)


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
    found = copy.recount()
    assert acknowledged <= set(found["event ids"])
    # Of the experiment that the load is about: each waiting event was booked or is not.
    differences = found["differences of the recount"]
    assert [row["n_differing"] for row in differences if row["experiment_id"] == HERO] == [0]


def test_restored_reports_are_identical_to_the_digit(in_use, restored, tmp_path):
    in_use.manage("backup", tmp_path / "backups")
    (made,) = finished_backups(tmp_path / "backups")
    copy = restored(made, "copy")
    assert copy.reports() == in_use.reports()
