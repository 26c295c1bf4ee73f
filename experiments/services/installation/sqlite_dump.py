"""Copies of a live SQLite database, and their check."""

import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from django.db import connections
from django.db.backends.sqlite3._functions import register

from experiments.services.installation.backup_manifest import BackupError

# Beside a database file; of another file they would be read as its own.
COMPANIONS = ("-wal", "-shm", "-journal")
TIMEOUT_S = 60.0


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as of one moment, while others write to it.

    The copy is one file, without a write-ahead log beside it, and durable on return. It is not
    read again: see `check_database`.

    Raises:
        sqlite3.Error: If it cannot be written.
    """
    origin = sqlite3.connect(_address(source, "mode=ro"), uri=True, timeout=TIMEOUT_S)
    with closing(origin), closing(sqlite3.connect(target)) as copy:
        # All pages in one step: one reading transaction, which blocks no writer.
        origin.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")
    with target.open("rb") as file:
        os.fsync(file.fileno())


def check_database(path: Path) -> None:
    """Raise BackupError if a database file is damaged."""
    with closing(_opened(path)) as database:
        # Constraints of our tables use functions that Django adds, such as REGEXP.
        register(database)
        try:
            (answer,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            raise BackupError(f"{path}: is not a readable database ({error}).") from error
    if answer != "ok":
        raise BackupError(f"{path}: is damaged ({answer}).")


def size(path: Path) -> int:
    """Return the bytes of a database with those of the files beside it."""
    files = [path, *(path.with_name(path.name + ending) for ending in COMPANIONS)]
    return sum(file.stat().st_size for file in files if file.exists())


def row_counts(path: Path, tables: Iterable[str]) -> dict[str, int]:
    """Return the numbers of rows of those tables that there are."""
    with closing(_opened(path)) as database:
        there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        return {
            table: database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608
            for table in sorted(there & set(tables))
        }


def replace_database(source: Path, target: Path) -> None:
    """Put a copy in the place of a database that nobody has open, in one step."""
    connections.close_all()
    draft = target.with_name(f"{target.name}.restoring")
    draft.unlink(missing_ok=True)
    with source.open("rb") as original, draft.open("xb") as copy:
        shutil.copyfileobj(original, copy)
        copy.flush()
        os.fsync(copy.fileno())
    for ending in COMPANIONS:
        target.with_name(target.name + ending).unlink(missing_ok=True)
    draft.replace(target)


def _opened(path: Path) -> sqlite3.Connection:
    # A finished copy is not written any more: no lock, no files beside it.
    return sqlite3.connect(_address(path, "mode=ro&immutable=1"), uri=True)


def _address(path: Path, options: str) -> str:
    return f"{path.absolute().as_uri()}?{options}"
