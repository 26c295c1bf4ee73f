"""A worker forks its clock, and SQLite must be open in no process that forks.

The child inherits what SQLite knows of its locks without the locks: two processes then write at
the same time, and the database is destroyed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import migrated_sqlite

PROJECT = Path(__file__).resolve().parents[2]
START = """
import os
from pathlib import Path
from celery import signals
from ctaopt.celery import app
app.set_default()
import django; django.setup()
signals.worker_init.send(sender=app)
opened = [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
print([one for one in opened if "site.sqlite3" in one])
"""


@pytest.mark.slow
def test_start_leaves_no_database_open_for_a_fork(tmp_path):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
        "CTAOPT_DATA_DIR": str(tmp_path),
        "DATABASE_URL": migrated_sqlite(tmp_path / "site.sqlite3"),
    }
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
