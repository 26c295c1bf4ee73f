"""Make the stored installation with the code of any commit.

    git worktree add /tmp/old COMMIT
    .venv/bin/python -m tests.upgrade.make_fixture /tmp/old

Needs PostgreSQL's programs and redis-server. Builds the same site on SQLite and on PostgreSQL,
packs both with the predictors and messages of the first into `tests/upgrade/data`, and asks the
old code for everything that the test then compares.
"""

import json
import lzma
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.servers import PostgresServer, RedisServer
from tests.upgrade import old_installation as old

PRESET = 9 | lzma.PRESET_EXTREME


def main(tree):
    scratch = Path(tempfile.mkdtemp(prefix="ctaopt-upgrade-"))
    postgres, redis = PostgresServer().start(), RedisServer().start()
    try:
        make(tree, scratch, postgres, redis)
    finally:
        postgres.remove()
        redis.remove()
        shutil.rmtree(scratch)


def make(tree, scratch, postgres, redis):
    old.DATA.mkdir(exist_ok=True)
    for kind, database in (
        ("sqlite", f"sqlite:///{scratch / 'sqlite.sqlite3'}"),
        ("postgres", postgres.create("built")),
    ):
        redis.client().flushall()
        build(tree, scratch / kind, database, redis)
    old.STREAM.write_bytes(stream_entry(redis))
    pack(scratch, postgres)
    found = [said(tree, scratch, kind, postgres, redis) for kind in ("sqlite", "postgres")]
    assert found[0] == found[1], "the two databases say different things"
    text = json.dumps(found[0], ensure_ascii=False, sort_keys=True)
    old.EXPECTED.write_bytes(lzma.compress(text.encode(), preset=PRESET))


def build(tree, folder, database, redis):
    folder.mkdir()
    scratch = folder.with_suffix(".scratch")
    scratch.mkdir()
    old.run_step(
        "build_site.py",
        scratch,
        tree=tree,
        folder=folder,
        database=database,
        FIXTURE_REDIS=redis.url(),
    )


def stream_entry(redis):
    """The bytes of the one entry that the old code appended."""
    ((_, fields),) = redis.client().xrange("ctaopt:events")
    assert set(fields) == {b"e"}
    return fields[b"e"]


def pack(scratch, postgres):
    database = (scratch / "sqlite.sqlite3").read_bytes()
    old.SQLITE.write_bytes(lzma.compress(database, preset=PRESET))
    dump = subprocess.run(
        [
            postgres.programs / "pg_dump",
            *("--no-owner", "--no-privileges", "-d", postgres.url("built")),
        ],
        check=True,
        capture_output=True,
    ).stdout
    old.POSTGRES.write_bytes(lzma.compress(dump, preset=PRESET))
    with tarfile.open(old.FOLDERS, "w:xz", preset=PRESET) as archive:
        for name in ("models", "broker"):
            archive.add(scratch / "sqlite" / name, name)


def said(tree, scratch, kind, postgres, redis):
    """What the old code itself says of the stored installation."""
    folder = old.unpack_folders(scratch / f"{kind}-again")
    if kind == "sqlite":
        database = old.unpack_sqlite(scratch / "again.sqlite3")
    else:
        database = old.load_postgres(postgres, "again")
    redis.client().flushall()
    redis.client().xadd("ctaopt:events", {b"e": old.STREAM.read_bytes()})
    return old.read_out(folder=folder, database=database, tree=tree, CTAOPT_EVENTS_URL=redis.url())


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
