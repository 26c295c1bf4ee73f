"""The stored installation of an earlier commit: unpacked, and taken through the steps."""

import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.databases import dump_postgres, load_dump, made_once

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
    return _written("readout.py", folder=folder, database=database, **more)


def recount(*, folder, database, **more):
    """Count the installation's events anew and return what is stored."""
    return _written("recount.py", folder=folder, database=database, **more)


def reports(*, folder, database):
    """Return the reports of the installation, and how its predictor scores some wordings."""
    return _written("reports.py", folder=folder, database=database)


def _written(script, *, folder, **more):
    out = folder / "said.json"
    run_step(script, out, folder=folder, **more)
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


def upgraded_sqlite(target):
    """Write the database file as an upgrade leaves it, made once a run; return its address."""
    shutil.copyfile(made_once("upgraded.sqlite3", _upgrade_sqlite), target)
    return f"sqlite:///{target}"


def upgraded_postgres(server, name):
    """Make a database as an upgrade leaves it, made once a run; return its address."""
    dump = made_once("upgraded.sql", lambda draft: _upgrade_postgres(draft, server))
    return load_dump(dump, server, name)


def _upgrade_sqlite(draft):
    _upgrade(unpack_sqlite(draft))


def _upgrade_postgres(draft, server):
    _upgrade(load_postgres(server, "to_be_upgraded"))
    dump_postgres(server, "to_be_upgraded", draft)


def _upgrade(database):
    with tempfile.TemporaryDirectory(prefix="ctaopt-upgrade-") as folder:
        data = unpack_folders(Path(folder) / "data")
        run_step("upgrade.py", "migrate", folder=data, database=database)


def expected():
    """What the commit that made the installation said itself."""
    return json.loads(lzma.decompress(EXPECTED.read_bytes()))
