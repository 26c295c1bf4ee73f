import sqlite3
from contextlib import closing

import pytest
from django.core.management.base import CommandError
from django.db import connection

from experiments.services.installation import migration_copy as subject
from tests import factories


@pytest.fixture
def copies(installation, settings):
    if connection.vendor != "sqlite":
        pytest.fail("SQLite only")
    return settings.DATA_DIR / subject.FOLDER


def migrate(plan=("one",)):
    subject.copy_before_migration(using="default", plan=plan)


def sites(path):
    with closing(sqlite3.connect(path)) as copy:
        return [key for (key,) in copy.execute("SELECT key FROM experiments_site ORDER BY key")]


def test_database_is_copied_before_it_changes(copies):
    migrate()
    factories.make_site("later")
    (copy,) = copies.iterdir()
    assert sites(copy) == ["shop"]
    assert (copies.stat().st_mode & 0o077, copy.stat().st_mode & 0o077) == (0, 0)


def test_newest_copies_are_kept(copies):
    for number in range(subject.KEPT + 2):
        factories.make_site(f"site-{number}")
        migrate()
    found = sorted(copies.iterdir())
    assert len(found) == subject.KEPT
    assert f"site-{subject.KEPT + 1}" in sites(found[-1])


def test_nothing_to_do_copies_nothing(copies):
    migrate(plan=())
    assert not copies.exists()


def test_full_disk_stops_the_migration(copies, monkeypatch):
    usage = subject.shutil.disk_usage(copies.parent)._replace(free=1)
    monkeypatch.setattr(subject.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CommandError, match=r"MB are free.*nothing changed"):
        migrate()
    assert list(copies.iterdir()) == []
