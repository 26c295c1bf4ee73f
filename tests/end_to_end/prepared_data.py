"""The demo's data folder as its first start leaves it, made once for all workers of a run.

Static files and the demo's archive take a start a quarter of a minute of a core.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

from tests.databases import PROJECT, made_once, migrated_sqlite

MAKE = """
import django
django.setup()
from datetime import UTC, datetime
from django.conf import settings
from django.core.management import call_command
from experiments.services.operations.demo_data import load_demo
call_command("collectstatic", verbosity=0, interactive=False)
load_demo(work_dir=settings.DATA_DIR, now=datetime.now(UTC))
"""


def environment(data_dir):
    """The variables of a process of the demo with its data there."""
    variables = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.demo",
        "CTAOPT_DATA_DIR": str(data_dir),
    }
    variables.pop("DATABASE_URL", None)
    return variables


def copy_prepared_data(data_dir):
    """Make the folder, which must not be there yet, with a database, static files and the demo."""
    shutil.copytree(made_once("prepared", _prepare), data_dir)


def copy_empty_data(data_dir):
    """Make the folder, which must not be there yet, with a migrated database and static files."""
    migrated_sqlite(data_dir / "ctaopt.sqlite3")
    shutil.copytree(made_once("prepared", _prepare) / "static", data_dir / "static")


def copy_database(source, target):
    """Copy a database, also into one that processes have open."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _prepare(draft):
    migrated_sqlite(draft / "ctaopt.sqlite3")
    subprocess.run([sys.executable, "-c", MAKE], cwd=PROJECT, env=environment(draft), check=True)
