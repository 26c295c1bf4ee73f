"""Migrated databases without rows, made once for all workers of a run and then copied.

Migrations from nothing take seconds of a core. Tests of their own apply them to what they are
about: `manage.py migrate`, the first start, a restore, an upgrade.
"""

import atexit
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

PROJECT = Path(__file__).resolve().parents[1]
# The folder of what is made once for all workers of a run.
RUN = "CTAOPT_TESTS_RUN"
# Whoever starts first gives the installation its secret.
NOBODYS = "DELETE FROM experiments_secretdigest"


def made_once(name, make):
    """Return the path of what `make` wrote for all workers of this run; the others wait for it."""
    run = _folder_of_run()
    made = run / name
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = run / f"{name}.draft"
            make(draft)
            draft.rename(made)
    return made


def _folder_of_run():
    """Return pytest's folder for all its workers, or one of a benchmark that ends with it."""
    if RUN not in os.environ:
        os.environ[RUN] = mkdtemp(prefix="ctaopt-run-")
        atexit.register(shutil.rmtree, os.environ[RUN], ignore_errors=True)
    return Path(os.environ[RUN])


def migrated_sqlite(path):
    """Write a migrated database to a new file and return its address."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made_once("migrated.sqlite3", _make_sqlite), path)
    return f"sqlite:///{path}"


def fill_with_migrated(connection):
    """Make an open SQLite database that is empty a migrated one."""
    with closing(sqlite3.connect(made_once("migrated.sqlite3", _make_sqlite))) as migrated:
        migrated.backup(connection)


def migrated_postgres(server, name):
    """Make a migrated database, instead of one that is there, and return its address."""
    return load_dump(
        made_once("migrated.sql", lambda draft: _make_dump(draft, server)), server, name
    )


def dump_postgres(server, name, path):
    """Write a database to a file, and drop it."""
    _run_program(server, "pg_dump", "--no-owner", "-d", server.url(name), "-f", path)
    with server.connect() as connection:
        connection.execute(f'DROP DATABASE "{name}"')


def load_dump(path, server, name):
    """Make a database, instead of one that is there, of such a file; return its address."""
    url = server.create(name)
    command = ["psql", "-q", "-X", "-1", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", path]
    _run_program(server, *command)
    return url


def _make_sqlite(draft):
    _migrate(f"sqlite:///{draft}")
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute(NOBODYS)
        connection.commit()
        # One file, whole. Who opens it sets the mode.
        connection.execute("PRAGMA journal_mode = DELETE")


def _make_dump(draft, server):
    url = server.create("to_be_dumped")
    _migrate(url)
    with server.connect("to_be_dumped") as connection:
        connection.execute(NOBODYS)
    dump_postgres(server, "to_be_dumped", draft)


def _migrate(url):
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.test",
        "DATABASE_URL": url,
        "CTAOPT_DATA_DIR": str(_folder_of_run() / "data"),
    }
    # The checks take five seconds more, and `make check` does them.
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)


def _run_program(server, program, *arguments):
    command = [server.programs / program, *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
