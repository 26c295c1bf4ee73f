import os
from datetime import timedelta

import pytest

from experiments.models import Upload
from experiments.services.importing.uploads import (
    UploadGoneError,
    UploadTooLargeError,
    drop_uploads,
    forget_file,
    keep_upload,
    most_bytes,
    path_of,
)
from tests.factories import NOW


def test_file_is_private_and_has_a_drawn_name(uploaded, upload_folder):
    upload = uploaded("a,b\n", name="../../etc/passwd")
    path = path_of(upload)
    assert path.read_text() == "a,b\n"
    assert (path.parent, path.stat().st_mode & 0o777) == (upload_folder, 0o600)
    assert upload_folder.stat().st_mode & 0o777 == 0o700
    assert upload.size == 4
    assert "passwd" not in path.name


def test_too_large_a_file_leaves_nothing(site, settings, upload_folder):
    settings.CTAOPT_MAX_UPLOAD_BYTES = 300_000
    assert most_bytes() == 200_000
    upload = Upload(site=site, kind="history", name="large.csv", created_at=NOW)
    with pytest.raises(UploadTooLargeError):
        keep_upload(upload, [b"x" * 100_000] * 3)
    assert list(upload_folder.iterdir()) == []
    assert not Upload.objects.exists()


def test_what_breaks_off_leaves_nothing(site, upload_folder):
    def chunks():
        yield b"x"
        raise OSError("gone")

    upload = Upload(site=site, kind="history", name="t.csv", created_at=NOW)
    with pytest.raises(OSError, match="gone"):
        keep_upload(upload, chunks())
    assert list(upload_folder.iterdir()) == []


def test_unconfirmed_upload_is_dropped_after_a_day(uploaded, upload_folder):
    old, running = uploaded("a"), uploaded("b")
    Upload.objects.filter(pk=running.pk).update(status="running")
    for path in upload_folder.iterdir():
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    assert drop_uploads(now=NOW + timedelta(hours=23)) == 0
    assert drop_uploads(now=NOW + timedelta(hours=25)) == 1
    assert list(Upload.objects.all()) == [running]
    assert [path.name for path in upload_folder.iterdir()] == [running.stored]
    assert path_of(running).read_text() == "b"
    with pytest.raises(UploadGoneError):
        path_of(old)


def test_undo_is_kept_for_thirty_days(uploaded):
    upload = uploaded("a")
    Upload.objects.update(status="done", undo=[])
    drop_uploads(now=NOW + timedelta(days=29))
    upload.refresh_from_db()
    assert upload.undo == []
    drop_uploads(now=NOW + timedelta(days=31))
    upload.refresh_from_db()
    assert upload.undo is None


def test_forgotten_file_is_gone(uploaded):
    upload = uploaded("a")
    path = path_of(upload)
    forget_file(upload)
    assert not path.exists()
    with pytest.raises(UploadGoneError):
        path_of(upload)


def test_nothing_is_dropped_where_nothing_was_uploaded(db):
    assert drop_uploads(now=NOW) == 0
