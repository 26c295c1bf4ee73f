"""The demo's data folder as its first start leaves it, made once for all workers of a run.

Migrations, static files and the demo's archive take a start half a minute of a core.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MAKE = """
import django
django.setup()
from datetime import UTC, datetime
from django.conf import settings
from django.core.management import call_command
from experiments.services.operations.demo_data import load_demo
call_command("migrate", verbosity=0)
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
    run = Path(os.environ["CTAOPT_TESTS_RUN"])
    prepared = run / "prepared"
    with (run / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prepared.exists():
            draft = run / "draft"
            command = [sys.executable, "-c", MAKE]
            subprocess.run(command, cwd=PROJECT, env=environment(draft), check=True)
            draft.rename(prepared)
    shutil.copytree(prepared, data_dir)
