"""The squashed migration makes the tables that its parts make one by one."""

import json
import subprocess
import sys

import pytest
from django.db.migrations.loader import MigrationLoader

from tests.upgrade.old_installation import run_program

pytestmark = pytest.mark.slow

SCRIPT = "tests.experiments.migrations.read_tables"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_database(request, tmp_path):
    """A function that returns the address of a new, empty database."""

    def make(name):
        if request.param == "sqlite":
            return f"sqlite:///{tmp_path / name}.sqlite3"
        return request.getfixturevalue("postgres_server").create(name)

    return make


def tables(way, database, folder):
    done = run_program(["-m", SCRIPT, way], folder=folder, database=database)
    return json.loads(done.stdout)


def test_both_ways_end_with_the_same_tables(new_database, tmp_path):
    squashed = tables("squashed", new_database("squashed"), tmp_path)
    assert "event_by_visitor" in json.dumps(squashed)
    assert squashed == tables("one by one", new_database("one_by_one"), tmp_path)


def test_it_replaces_each_migration_up_to_its_last():
    loader = MigrationLoader(None, replace_migrations=False)
    names = sorted(name for app, name in loader.disk_migrations if app == "experiments")
    (squashed,) = [name for name in names if "_squashed_" in name]
    last = squashed.partition("_squashed_")[2]
    replaced = loader.disk_migrations["experiments", squashed].replaces
    parts = [name for name in names if name != squashed and name <= last]
    assert replaced == [("experiments", name) for name in parts]
