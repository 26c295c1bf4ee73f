"""The stored installation of an earlier commit: unpacked, and taken through the steps."""

import json
import lzma
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = HERE / "data"
SQLITE, POSTGRES = DATA / "site.sqlite3.xz", DATA / "site.sql.xz"
# Predictors, an unfinished training, and Celery's messages.
FOLDERS, EXPECTED, STREAM = (
    DATA / "folders.tar.xz",
    DATA / "expected.json.xz",
    DATA / "stream_entry.bin",
)
ENCODER = ROOT / "tests" / "data" / "tiny_encoder"
# What newer programs of PostgreSQL write and older ones do not know.
NEWER = re.compile(r"^(\\(un)?restrict |SET transaction_timeout).*\n", re.MULTILINE)


def environment(*, tree=ROOT, folder, database, **more):
    """Return the environment of a process that works on an installation."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.test",
        "DATABASE_URL": database,
        "CTAOPT_DATA_DIR": str(folder),
        "CTAOPT_ENCODER": str(ENCODER),
        "PYTHONPATH": str(tree),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        **more,
    }


def run_program(command, *, tree=ROOT, **installation):
    """Run a Python program with the code of a tree."""
    done = subprocess.run(
        [sys.executable, *command],
        env=environment(tree=tree, **installation),
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def run_step(script, argument, *, tree=ROOT, **installation):
    """Run one of the steps with the code of a tree."""
    return run_program([str(HERE / "steps" / script), str(argument)], tree=tree, **installation)


def read_out(*, folder, database, **more):
    """Upgrade the installation and return what it says then."""
    out = folder / "readout.json"
    run_step("readout.py", out, folder=folder, database=database, **more)
    return json.loads(out.read_text())


def unpack_folders(target):
    """Put predictors and messages into a new data folder."""
    target.mkdir()
    with tarfile.open(FOLDERS) as archive:
        archive.extractall(target, filter="data")
    return target


def unpack_sqlite(target):
    """Write the database file and return its address."""
    target.write_bytes(lzma.decompress(SQLITE.read_bytes()))
    return f"sqlite:///{target}"


def load_postgres(server, name):
    """Load the dump into a new database of a server and return its address."""
    url = server.create(name)
    text = NEWER.sub("", lzma.decompress(POSTGRES.read_bytes()).decode())
    subprocess.run(
        [server.programs / "psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", url],
        input=text,
        text=True,
        check=True,
        capture_output=True,
    )
    return url


def expected():
    """What the commit that made the installation said itself."""
    return json.loads(lzma.decompress(EXPECTED.read_bytes()))
