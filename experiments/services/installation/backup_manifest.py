"""Manifest of a backup: its files with their SHA-256, versions and numbers of rows."""

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

# Stored; never rename.
FORMAT = "ctaopt-backup-1"
MANIFEST = "manifest.json"
DATABASE = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
SECRET, STREAM, MODELS, QUEUE = "secret.json", "stream.jsonl", "models", "queue"
PREFIX = "ctaopt-"


class BackupError(Exception):
    """A backup that cannot be made, read or trusted; the text names the remedy."""


class BackupFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a backup."""

    sha256: str
    n_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Content of `manifest.json`."""

    format: str
    made_at: datetime
    machine: str
    version: str
    python: str
    django: str
    vendor: str
    database: str
    secret_digest: str
    migrations: list[str]
    rows: dict[str, int]
    stream_entries: int
    files: dict[str, BackupFile]

    @property
    def n_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files.values())


def folder_name(now: datetime) -> str:
    return f"{PREFIX}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def described_files(folder: Path) -> dict[str, BackupFile]:
    """Return every file below a folder but the manifest, by its path there."""
    return {
        str(path.relative_to(folder)): BackupFile(sha256=_sha256(path), n_bytes=path.stat().st_size)
        for path in _files(folder)
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest durably; a folder without it is not a backup."""
    content = json.dumps(msgspec.to_builtins(manifest), indent=2, sort_keys=True)
    path = folder / MANIFEST
    path.touch(mode=0o600, exist_ok=False)
    with path.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup.

    Raises:
        BackupError: If the folder is not a finished backup.
    """
    path = folder / MANIFEST
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if content.get("format") != FORMAT:
            raise BackupError(f"{folder}: is not of the format {FORMAT!r}.")
        return msgspec.convert(content, Manifest)
    except FileNotFoundError as error:
        found = finished_backups(folder)
        hint = f" Name one of those in it, such as {found[-1]}." if found else ""
        raise BackupError(f"{folder}: is not a finished backup.{hint}") from error
    except (OSError, ValueError, AttributeError, msgspec.ValidationError) as error:
        raise BackupError(f"{path}: cannot be read ({error}).") from error


def finished_backups(folder: Path) -> list[Path]:
    """Return the finished backups in a folder, the oldest first."""
    return sorted(path.parent for path in folder.glob(f"{PREFIX}*/{MANIFEST}"))


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise BackupError unless the files are those of the manifest, to the byte."""
    found = {str(path.relative_to(folder)): path for path in _files(folder)}
    for name, file in sorted(manifest.files.items()):
        path = found.pop(name, None)
        if path is None:
            raise BackupError(f"{folder / name}: is missing.")
        if path.stat().st_size != file.n_bytes or _sha256(path) != file.sha256:
            raise BackupError(f"{folder / name}: is not what was written: it was damaged.")
    if found:
        raise BackupError(f"{min(found.values())}: does not belong to this backup.")


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            yield path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
