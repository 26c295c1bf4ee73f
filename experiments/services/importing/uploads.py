"""Uploaded files between their preview and their import: in a private folder, for a day."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from experiments.models import Upload

KEPT_FOR = timedelta(days=1)
# By then nobody looks back at what an import was.
UNDONE_WITHIN = timedelta(days=30)
# Of a body with a file, what is not the file.
OVERHEAD = 100_000

Status = Upload.Status


class UploadTooLargeError(Exception):
    """The file has more bytes than are taken."""


class UploadGoneError(Exception):
    """The file is not kept any more, or lies on another machine."""


def most_bytes() -> int:
    """Return the size of the largest file that is taken."""
    limit: int = settings.CTAOPT_MAX_UPLOAD_BYTES
    return max(limit - OVERHEAD, OVERHEAD)


def keep_upload(upload: Upload, chunks: Iterable[bytes]) -> None:
    """Write a file to the folder of uploads, and store its row.

    Its name on the disk is drawn, and no part of the name that it came with.

    Raises:
        UploadTooLargeError: If it has more bytes than are taken. Nothing of it is kept then.
    """
    folder: Path = settings.CTAOPT_UPLOAD_DIR
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    upload.stored = secrets.token_hex(16)
    upload.name = upload.name[-200:]
    try:
        upload.size = _write(folder / upload.stored, chunks)
        upload.save()
    except BaseException:
        (folder / upload.stored).unlink(missing_ok=True)
        raise


def path_of(upload: Upload) -> Path:
    """Return the path of an upload's file.

    Raises:
        UploadGoneError: If it is not there.
    """
    path: Path = settings.CTAOPT_UPLOAD_DIR / upload.stored
    if not upload.stored or not path.is_file():
        raise UploadGoneError
    return path


def forget_file(upload: Upload) -> None:
    """Delete the file of an upload, whose row stays."""
    if upload.stored:
        (settings.CTAOPT_UPLOAD_DIR / upload.stored).unlink(missing_ok=True)
        upload.stored = ""
        upload.save(update_fields=["stored"])


def drop_uploads(*, now: datetime) -> int:
    """Delete uploads that nobody confirmed, files of nobody, and undos of long ago."""
    unconfirmed = Upload.objects.filter(status=Status.WAITING, created_at__lt=now - KEPT_FOR)
    dropped = unconfirmed.count()
    unconfirmed.delete()
    Upload.objects.filter(created_at__lt=now - UNDONE_WITHIN).update(undo=None)
    folder: Path = settings.CTAOPT_UPLOAD_DIR
    known = set(Upload.objects.exclude(stored="").values_list("stored", flat=True))
    for path in folder.iterdir() if folder.is_dir() else ():
        # One that is just being written has no row yet.
        if path.name not in known and _age(path, now) > timedelta(hours=1):
            path.unlink(missing_ok=True)
    return dropped


def _age(path: Path, now: datetime) -> timedelta:
    try:
        return timedelta(seconds=now.timestamp() - path.stat().st_mtime)
    except FileNotFoundError:
        return timedelta(0)


def _write(path: Path, chunks: Iterable[bytes]) -> int:
    size, most = 0, most_bytes()
    with path.open("xb") as file:
        path.chmod(0o600)
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise UploadTooLargeError
            file.write(chunk)
    return size
