import hashlib
import json
from datetime import UTC, datetime

import pytest

from experiments.services.installation import backup_manifest as manifests

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def make_folder(parent, now=NOON):
    folder = parent / manifests.folder_name(now)
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "a.txt").write_text("abc")
    (folder / "database.sqlite3").write_text("")
    written = manifests.Manifest(
        format=manifests.FORMAT,
        made_at=now,
        machine="here",
        version="1",
        python="3",
        django="5",
        vendor="sqlite",
        database="3",
        secret_digest="d",
        migrations=[],
        rows={},
        stream_entries=0,
        files=manifests.described_files(folder),
    )
    manifests.write_manifest(folder, written)
    return folder, written


def test_manifest_is_read_as_written(tmp_path):
    folder, written = make_folder(tmp_path)
    assert folder.name == "ctaopt-20261128T120000Z"
    assert manifests.read_manifest(folder) == written
    assert written.files["models/a.txt"].sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (set(written.files), written.n_bytes) == ({"models/a.txt", "database.sqlite3"}, 3)
    manifests.check_files(folder, written)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda folder: (folder / "models/a.txt").write_text("abd"), "was damaged"),
        (lambda folder: (folder / "models/a.txt").write_text("abcd"), "was damaged"),
        (lambda folder: (folder / "models/a.txt").unlink(), "is missing"),
        (lambda folder: (folder / "models/b.txt").touch(), "does not belong"),
    ],
    ids=["changed", "longer", "gone", "foreign"],
)
def test_changed_folder_is_found(tmp_path, harm, reason):
    folder, written = make_folder(tmp_path)
    harm(folder)
    with pytest.raises(manifests.BackupError, match=reason):
        manifests.check_files(folder, written)


def test_folder_of_backups_names_its_newest(tmp_path):
    make_folder(tmp_path)
    newest, _ = make_folder(tmp_path, now=NOON.replace(hour=13))
    with pytest.raises(manifests.BackupError, match=f"such as {newest}"):
        manifests.read_manifest(tmp_path)
    (newest / manifests.MANIFEST).unlink()
    assert len(manifests.finished_backups(tmp_path)) == 1


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"format": manifests.FORMAT})])
def test_unreadable_manifest_is_refused(tmp_path, text):
    (tmp_path / manifests.MANIFEST).write_text(text)
    with pytest.raises(manifests.BackupError, match=str(tmp_path)):
        manifests.read_manifest(tmp_path)
