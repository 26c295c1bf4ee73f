"""manage.py in a fresh clone: the embedded database is there when a command needs it."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from ctaopt import commandline
from tests.databases import migrated_sqlite


@pytest.fixture
def manage(pytestconfig, tmp_path):
    """Run manage.py on a data folder of its own, as an operator would."""

    def run(*arguments):
        environment = {"PATH": os.environ["PATH"], "CTAOPT_DATA_DIR": str(tmp_path / "data")}
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=pytestconfig.rootpath,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_command_makes_the_embedded_database_and_says_so(manage, tmp_path):
    first = manage("fold_rollups")
    assert (first.returncode, first.stdout) == (0, "0 events folded.\n")
    database = tmp_path / "data" / "ctaopt.sqlite3"
    assert first.stderr.startswith(f"Database {database}: applying ")
    again = manage("fold_rollups")
    assert (again.stdout, again.stderr) == ("0 events folded.\n", "")


def test_failed_command_says_one_line(manage, tmp_path):
    migrated_sqlite(tmp_path / "data" / "ctaopt.sqlite3")
    result = manage("rebuild_rollups", "nix")
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["CommandError: There is no experiment 'nix'."]


@pytest.mark.parametrize(
    ("argv", "needs"),
    [
        (["manage.py", "import_history", "f.csv"], True),
        (["manage.py", "import_history", "--help"], False),
        (["manage.py", "simulate_visitors"], False),
        (["manage.py", "migrate"], False),
        (["manage.py", "nix"], False),
        (["manage.py"], False),
    ],
)
def test_database_is_made_for_commands_that_ask_for_it(argv, needs):
    command = commandline.our_command(argv)
    assert bool(command and command.requires_migrations_checks) is needs


def test_server_of_an_operator_is_left_alone(db, monkeypatch, capsys):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(commandline, "MigrationExecutor", None)
    commandline.migrate_embedded_database()
    assert capsys.readouterr().err == ""
