"""Dumps of a live PostgreSQL database by its own programs, and their restore."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.db import connection, transaction
from django.db.backends.postgresql.client import DatabaseClient

from experiments.services.installation.backup_manifest import BackupError


def dump_database(target: Path, tables: Iterable[str]) -> dict[str, int]:
    """Dump the database as of one moment; return the numbers of rows of that moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
        options = ["--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges"]
        _run("pg_dump", *options, f"--file={target}")
        there = set(connection.introspection.table_names(cursor))
        rows = {}
        for table in sorted(there & set(tables)):
            cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608  a name of ours
            rows[table] = int(cursor.fetchone()[0])
    return rows


def check_dump(path: Path) -> None:
    """Raise BackupError if a dump's table of contents cannot be read."""
    _run_program(["pg_restore", "--list", str(path)], {})


def load_dump(source: Path) -> None:
    """Put a dump in the place of what the database holds; the load is one transaction."""
    _drop_everything()
    connection.close()
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run("pg_restore", *options, str(source))


def needed_programs() -> None:
    """Raise BackupError if PostgreSQL's programs are missing."""
    for name in ("pg_dump", "pg_restore"):
        if shutil.which(name) is None:
            raise BackupError(
                f"{name} is not on the PATH: install PostgreSQL's client programs, of the "
                "server's version or a later one (on Debian the package postgresql-client)."
            )


def _drop_everything() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        names = [
            row.name for row in connection.introspection.get_table_list(cursor) if row.type != "v"
        ]
        for name in names:
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(name)} CASCADE")


def _run(program: str, *arguments: str) -> None:
    given, variables = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    _, *server, database = given
    _run_program([program, *server, "--dbname", database, *arguments], variables or {})


def _run_program(command: Sequence[str], variables: dict[str, str]) -> None:
    needed_programs()
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        list(command),
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise BackupError(f"{command[0]} failed: {lines[0]}")
