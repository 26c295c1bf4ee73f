"""Copy of an SQLite database before its schema changes: the way back from an upgrade."""

import logging
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections
from django.utils import timezone

from experiments.services.installation import sqlite_dump
from experiments.services.installation.backup_manifest import BackupError

logger = logging.getLogger(__name__)

# In the data folder; never rename.
FOLDER = "before-migrations"
KEPT = 3


def copy_before_migration(*, using: str, plan: Sequence[Any], **_: Any) -> None:
    """Copy a database that has rows and is about to change; keep the newest KEPT copies.

    Called by `migrate`. A PostgreSQL is its operator's to back up (`manage.py backup`).

    Raises:
        CommandError: If the disk lacks room for it, before anything has changed.
    """
    connection = connections[using]
    path = Path(str(connection.settings_dict["NAME"]))
    is_new = "django_migrations" not in connection.introspection.table_names()
    if connection.vendor != "sqlite" or not plan or is_new or not path.is_file():
        return
    folder = Path(settings.DATA_DIR) / FOLDER
    target = folder / f"{timezone.now():%Y%m%dT%H%M%S%fZ}.sqlite3"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_space(path, folder)
        sqlite_dump.copy_database(path, target)
        sqlite_dump.check_database(target)
        target.chmod(0o600)
    except (OSError, sqlite3.Error, BackupError) as error:
        target.unlink(missing_ok=True)
        raise CommandError(
            f"The database could not be copied before its migration ({error}): nothing changed."
        ) from error
    for old in sorted(folder.glob("*.sqlite3"))[:-KEPT]:
        old.unlink()
    logger.info("copied the database to %s before its migration", target)


def _check_space(path: Path, folder: Path) -> None:
    needed, free = sqlite_dump.size(path), shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(f"{free / 1e6:,.0f} MB are free, and it needs {needed / 1e6:,.0f} MB")
