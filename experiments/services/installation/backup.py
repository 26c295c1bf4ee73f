"""Backup of a live installation: database, secret, predictors and what waits to be stored.

The order keeps every event acknowledged before the start: the stream is copied before the
database, so that an entry stored in between is in both, and its ids make that harmless.
"""

import errno
import fcntl
import json
import os
import platform
import shutil
import socket
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from experiments.models import BackupRecord
from experiments.services.catalogue.keyed_digests import keyed_digest
from experiments.services.events.redis_stream import configured_stream
from experiments.services.installation import postgres_dump, sqlite_dump
from experiments.services.installation.backup_manifest import (
    DATABASE,
    FORMAT,
    MODELS,
    QUEUE,
    SECRET,
    STREAM,
    BackupError,
    BackupFile,
    Manifest,
    check_files,
    described_files,
    finished_backups,
    folder_name,
    read_manifest,
    write_manifest,
)
from experiments.services.installation.secret_identity import SALT, VALUE
from experiments.services.installation.waiting_events import copy_stream

# Drafts have another name than backups, and no manifest.
UNFINISHED = ".{}.unfinished"
LOCK = ".lock"
RECORDS_KEPT = 100
# A file system that takes no larger files is full for this purpose.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def make_backup(folder: Path, *, now: datetime, keep: int | None = None) -> Path:
    """Write a backup into a folder and check it; return its own folder.

    Args:
        folder: Folder of backups; made if absent, for its owner only.
        now: Time of the backup, in its name.
        keep: Remove the oldest ones beyond this number afterwards; None: keep all.

    Raises:
        BackupError: If it could not be made whole. Nothing of it is left then.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone_in(folder):
            _check_space(folder)
            made = _written(folder, now=now)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(_reason(folder, error)) from error
    _record(made, now=now)
    if keep is not None:
        for old in finished_backups(folder)[:-keep]:
            shutil.rmtree(old)
    return made


def verify_backup(folder: Path) -> Manifest:
    """Return the manifest of a backup whose every file was read and found right.

    Raises:
        BackupError: If a file is missing, damaged or foreign, or the database in it is.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    path = folder / DATABASE[manifest.vendor]
    if manifest.vendor == "sqlite":
        sqlite_dump.check_database(path)
        if sqlite_dump.row_counts(path, manifest.rows) != manifest.rows:
            raise BackupError(f"{path}: has other rows than were counted.")
    else:
        postgres_dump.check_dump(path)
    return manifest


def tables() -> list[str]:
    """Return the tables whose rows a backup counts."""
    return sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)})


def database_file() -> Path:
    """Return the file of the SQLite database.

    Raises:
        BackupError: If the database is in memory.
    """
    if connection.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite's has it
        raise BackupError("A database in memory cannot be backed up.")
    return Path(str(connection.settings_dict["NAME"]))


def queue_folder() -> Path | None:
    """Return the folder of Celery's messages; None where the queue is a server."""
    folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_in")
    return Path(folder) if folder else None


def code_version() -> str:
    """Return the version of the code that runs."""
    content = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    return str(content["project"]["version"])


def _written(folder: Path, *, now: datetime) -> Path:
    final = folder / folder_name(now)
    if final.exists():
        raise BackupError(f"{final}: is there already: one backup a second.")
    draft = folder / UNFINISHED.format(final.name)
    draft.mkdir(mode=0o700)
    try:
        _fill(draft, now=now)
        verify_backup(draft)
        _sync_folder(draft)
        draft.rename(final)
        _sync_folder(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return final


def _fill(draft: Path, *, now: datetime) -> None:
    stream = configured_stream()
    n_entries = copy_stream(stream, draft / STREAM) if stream else 0
    _copy_tree(queue_folder(), draft / QUEUE)
    target = draft / DATABASE[connection.vendor]
    if connection.vendor == "sqlite":
        sqlite_dump.copy_database(database_file(), target)
        rows = sqlite_dump.row_counts(target, tables())
    else:
        rows = postgres_dump.dump_database(target, tables())
    # A predictor's folder is written before its row: those of the copied rows are all there.
    _copy_tree(Path(settings.CTAOPT_MODEL_DIR), draft / MODELS)
    _write_secret(draft / SECRET)
    for path in draft.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    files = described_files(draft)
    write_manifest(draft, _manifest(now, rows=rows, n_entries=n_entries, files=files))


def _manifest(
    now: datetime, *, rows: dict[str, int], n_entries: int, files: dict[str, BackupFile]
) -> Manifest:
    applied = MigrationRecorder(connection).applied_migrations()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version()" if connection.vendor != "sqlite" else "SELECT sqlite_version()"
        )
        (database,) = cursor.fetchone()
    return Manifest(
        format=FORMAT,
        made_at=now,
        machine=socket.gethostname(),
        version=code_version(),
        python=platform.python_version(),
        django=django.get_version(),
        vendor=connection.vendor,
        database=database,
        secret_digest=keyed_digest(SALT, VALUE),
        migrations=sorted(f"{app}.{name}" for app, name in applied),
        rows=rows,
        stream_entries=n_entries,
        files=files,
    )


def _write_secret(path: Path) -> None:
    content = {
        "SECRET_KEY": settings.SECRET_KEY,
        "SECRET_KEY_FALLBACKS": list(settings.SECRET_KEY_FALLBACKS),
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2))


def _copy_tree(source: Path | None, target: Path) -> None:
    """Copy a folder whose files may go meanwhile: messages are taken, caches replaced."""
    if source is None or not source.is_dir():
        return
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if path.is_dir() or path.suffix == ".part":
            continue
        place = target / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, place)
        except FileNotFoundError:
            continue


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; remove what a killed backup has left."""
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(f"Another backup into {folder} is under way.") from error
        for stale in folder.glob(UNFINISHED.format("*")):
            shutil.rmtree(stale)
        yield


def _check_space(folder: Path) -> None:
    """Refuse early what cannot end well; the size of a dump is not known before."""
    model_dir = Path(settings.CTAOPT_MODEL_DIR)
    needed = sum(path.stat().st_size for path in model_dir.rglob("*") if path.is_file())
    if connection.vendor == "sqlite":
        needed += sqlite_dump.size(database_file())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(
            f"{folder} has {free / 1e6:,.0f} MB free, and the backup needs {needed / 1e6:,.0f} MB."
        )


def _reason(folder: Path, error: Exception) -> str:
    is_full = isinstance(error, OSError) and error.errno in FULL
    if is_full or "disk is full" in str(error):
        return f"The disk of {folder} is full: nothing was kept."
    return f"The backup into {folder} failed: {error}."


def _record(made: Path, *, now: datetime) -> None:
    place = f"{socket.gethostname()}:{made}"[:500]
    BackupRecord.objects.create(made_at=now, place=place, n_bytes=read_manifest(made).n_bytes)
    old = BackupRecord.objects.values_list("pk", flat=True)[RECORDS_KEPT:]
    BackupRecord.objects.filter(pk__in=list(old)).delete()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
