"""Restore of a backup into an empty installation, in steps that a crash cannot hide.

A mark in the data folder stands from the first change to the last check; while it is there
nothing starts (`start_guard`), and the same command does all of it again.
"""

import json
import os
import shutil
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection

from experiments.models import Event, HistoryArm, Site
from experiments.services.events.redis_stream import configured_stream
from experiments.services.installation import postgres_dump, sqlite_dump
from experiments.services.installation.backup import database_file, queue_folder, verify_backup
from experiments.services.installation.backup_manifest import (
    DATABASE,
    MODELS,
    QUEUE,
    SECRET,
    STREAM,
    BackupError,
    Manifest,
)
from experiments.services.installation.start_guard import unfinished_restore
from experiments.services.installation.waiting_events import put_back
from experiments.services.monitoring.readiness import migration_names

KEPT_SECRET = "secret_key"  # noqa: S105  the name of a file


def restore_backup(folder: Path, *, is_forced: bool = False) -> Manifest:
    """Put a verified backup in the place of an empty installation; return its manifest.

    No process of the installation may run meanwhile.

    Args:
        folder: Folder of one backup.
        is_forced: Replace what is there, also after an interrupted restore.

    Raises:
        BackupError: Before any change, if the backup or the installation is not fit for it;
            after, if the restored rows are not those of the backup: the mark stays then.
    """
    manifest = verify_backup(folder)
    _check_fit(manifest)
    secret = json.loads((folder / SECRET).read_text())
    writes_secret = _is_secret_to_be_written(folder, secret["SECRET_KEY"])
    if not is_forced and (reason := _reason_not_empty()):
        raise BackupError(f"{reason} Restore into an empty installation, or --force to replace it.")
    mark = unfinished_restore()
    mark.write_text(f"{folder}\n")
    _sync(mark)
    _replace_folder(folder / MODELS, Path(settings.CTAOPT_MODEL_DIR))
    if queue := queue_folder():
        _replace_folder(folder / QUEUE, queue)
    if writes_secret:
        _write_secret(secret["SECRET_KEY"])
    # Last, and in one step: until then other machines find no database that they could use.
    _load_database(folder, manifest)
    if (stream := configured_stream()) and (folder / STREAM).exists():
        put_back(stream, folder / STREAM)
    _check_rows(manifest)
    mark.unlink()
    return manifest


def newer_migrations(manifest: Manifest) -> list[str]:
    """Return the migrations that the backup's database does not have yet."""
    return sorted(_known_migrations() - set(manifest.migrations))


def _known_migrations() -> set[str]:
    return {f"{app}.{name}" for app, name in migration_names()}


def _check_fit(manifest: Manifest) -> None:
    if manifest.vendor != connection.vendor:
        raise BackupError(
            f"The backup is of {manifest.vendor}, and DATABASE_URL names {connection.vendor}."
        )
    known = _known_migrations()
    apps = {name.partition(".")[0] for name in known}
    ours = {name for name in manifest.migrations if name.partition(".")[0] in apps}
    if unknown := sorted(ours - known):
        raise BackupError(
            f"The backup is of a later version ({manifest.version}, with {unknown[-1]}): "
            "restore it with the code of that version."
        )
    if manifest.stream_entries and configured_stream() is None:
        raise BackupError(
            f"{manifest.stream_entries:,} requests waited in the stream: set CTAOPT_EVENTS_URL "
            "to a Redis that takes them."
        )


def _is_secret_to_be_written(folder: Path, secret: str) -> bool:
    if secret == settings.SECRET_KEY:
        return False
    kept = Path(settings.DATA_DIR) / KEPT_SECRET
    if kept.exists() and kept.read_text().strip() == settings.SECRET_KEY:
        return True
    raise BackupError(
        f"SECRET_KEY is not the secret of the backup: set it to the one in {folder / SECRET}."
    )


def _reason_not_empty() -> str:
    model_dir = Path(settings.CTAOPT_MODEL_DIR)
    if model_dir.is_dir() and any(path.is_dir() for path in model_dir.iterdir()):
        return f"{model_dir} holds predictors."
    try:
        there = set(connection.introspection.table_names())
        for model in (Site, Event, HistoryArm, get_user_model()):
            if model._meta.db_table in there and model._default_manager.exists():
                return f"The database holds {model._meta.verbose_name_plural}."
    except DatabaseError as error:
        raise BackupError(f"The database cannot be read: {error}") from error
    finally:
        connection.close()
    return ""


def _replace_folder(source: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    if source.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target)


def _write_secret(secret: str) -> None:
    draft = Path(settings.DATA_DIR) / f"{KEPT_SECRET}.restoring"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(secret)
    _sync(draft)
    draft.replace(Path(settings.DATA_DIR) / KEPT_SECRET)


def _load_database(folder: Path, manifest: Manifest) -> None:
    source = folder / DATABASE[manifest.vendor]
    if manifest.vendor == "sqlite":
        sqlite_dump.replace_database(source, database_file())
    else:
        postgres_dump.load_dump(source)


def _check_rows(manifest: Manifest) -> None:
    with connection.cursor() as cursor:
        for table, expected in manifest.rows.items():
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608
            (found,) = cursor.fetchone()
            if found != expected:
                raise BackupError(f"{table}: has {found:,} rows, not {expected:,}.")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
