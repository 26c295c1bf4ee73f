import sqlite3
from contextlib import closing

import pytest

from experiments.services.installation import sqlite_dump
from experiments.services.installation.backup_manifest import BackupError

CREATE = "CREATE TABLE letters (name TEXT CHECK (name REGEXP '^[a-z]+$'))"


@pytest.fixture
def live(tmp_path):
    """A database in WAL mode whose last rows are in its log only, and which is open."""
    path = tmp_path / "live.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.create_function("REGEXP", 2, lambda pattern, value: True)
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute(CREATE)
        writer.executemany("INSERT INTO letters VALUES (?)", [("a",)] * 5_000)
        yield path, writer


def test_copy_has_what_is_only_in_the_log(live, tmp_path):
    path, writer = live
    target = tmp_path / "copy.sqlite3"
    # A writer that has begun keeps nobody out, and what it has not committed is not there.
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO letters VALUES ('b')")
    sqlite_dump.copy_database(path, target)
    writer.execute("COMMIT")
    assert sqlite_dump.row_counts(target, ["letters", "none"]) == {"letters": 5_000}
    names = {one.name for one in tmp_path.iterdir() if one.name.startswith("copy")}
    assert names == {"copy.sqlite3"}


def test_folder_may_have_any_name(live, tmp_path):
    folder = tmp_path / "50 % of #1?"
    folder.mkdir()
    source, target = folder / "live.sqlite3", folder / "copy.sqlite3"
    sqlite_dump.copy_database(live[0], source)
    sqlite_dump.copy_database(source, target)
    sqlite_dump.check_database(target)
    assert sqlite_dump.row_counts(target, ["letters"]) == {"letters": 5_000}


def test_size_is_that_of_the_database_with_its_log(live, tmp_path):
    path, _ = live
    (tmp_path / "live.sqlite3.old").write_bytes(b"x" * 1_000_000)
    files = [path, *(path.with_name(f"live.sqlite3{one}") for one in ("-wal", "-shm"))]
    assert sqlite_dump.size(path) == sum(file.stat().st_size for file in files)


def test_damage_is_found(live, tmp_path):
    target = tmp_path / "copy.sqlite3"
    sqlite_dump.copy_database(live[0], target)
    content = bytearray(target.read_bytes())
    content[4096 * 3 : 4096 * 3 + 200] = b"\xff" * 200
    target.write_bytes(content)
    with pytest.raises(BackupError, match=r"damaged|not a readable"):
        sqlite_dump.check_database(target)
    target.write_bytes(b"no database" * 1_000)
    with pytest.raises(BackupError, match="not a readable database"):
        sqlite_dump.check_database(target)


def test_log_of_the_replaced_database_goes(live, tmp_path):
    copy, target = tmp_path / "copy.sqlite3", tmp_path / "target.sqlite3"
    sqlite_dump.copy_database(live[0], copy)
    target.write_bytes(b"another")
    (tmp_path / "target.sqlite3-wal").write_bytes(b"its log")
    sqlite_dump.replace_database(copy, target)
    assert target.read_bytes() == copy.read_bytes()
    assert not (tmp_path / "target.sqlite3-wal").exists()
