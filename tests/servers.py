"""Real servers for tests: a PostgreSQL cluster and a Redis of one's own, gone afterwards.

Each lives in a temporary folder, listens on a free port of the loopback and is ended by its own
process id. `kill` is a crash, `start` after it a recovery: the data are kept until `remove`.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import redis

PATIENCE_S = 240
DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")


class MissingServerError(Exception):
    """The programs of a server are not installed; the text names the Debian package."""


class Server:
    """A process with a folder and a port, started, stopped, killed and started again."""

    name = ""

    def __init__(self):
        # Not pytest's own folder: only its owner may enter that, and PostgreSQL is another user.
        self.folder = Path(tempfile.mkdtemp(prefix=f"ctaopt-{self.name}-"))
        self.port = 0
        self.process = None

    def start(self):
        """Start it, after a crash too, and return once it answers."""
        for _ in range(5):  # Another process may take the free port before we do.
            self.port = self.port or free_port()
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    self.command(), stdout=log, stderr=log, cwd=self.folder, **self.account()
                )
            if self.becomes_ready():
                return self
            self.port = 0
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self):
        """Ask it to end, and wait until it has."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=PATIENCE_S)

    def remove(self):
        """End it and delete its data; nobody reads them again, so it need not tidy up."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def becomes_ready(self):
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError, redis.exceptions.RedisError):
                if self.answers():
                    return True
            time.sleep(0.02)
        return False


class PostgresServer(Server):
    """A cluster that trusts the superuser `ctaopt` on the loopback; fsync is on."""

    name = "postgres"

    def __init__(self, **options):
        self.programs = postgres_programs()
        super().__init__()
        self.options = options
        self.data = self.folder / "data"
        if account := self.account():
            os.chown(self.folder, account["user"], account["group"])
        self._run("initdb", "-D", self.data, "-U", "ctaopt", "-A", "trust", "-E", "UTF8", "-N")

    def command(self):
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder}
        options |= {"port": self.port, **self.options}
        settings = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
        return [self.programs / "postgres", "-D", self.data, *settings]

    def account(self):
        """PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return {}
        names = {one.pw_name: one for one in pwd.getpwall()}
        person = names.get("postgres") or names["nobody"]
        return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}

    def answers(self):
        with self.connect():
            return True

    def kill(self):
        """Crash it: the postmaster and every process it started, at once."""
        children = _children_of(self.process.pid)
        self.process.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE_S)

    def connect(self, database="postgres"):
        """Return a connection of psycopg that commits each statement."""
        return psycopg.connect(self.url(database), autocommit=True)

    def create(self, database):
        """Make an empty database, instead of one that is there, and return its address."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def url(self, database):
        return f"postgres://ctaopt@127.0.0.1:{self.port}/{database}"

    def _run(self, program, *arguments):
        subprocess.run(
            [self.programs / program, *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            **self.account(),
        )


class RedisServer(Server):
    """A Redis with an append-only file, synchronised as `appendfsync` says."""

    name = "redis"

    def __init__(self, *, appendfsync="everysec", **options):
        self.program = shutil.which("redis-server")
        if self.program is None:
            raise MissingServerError("redis-server is not installed (Debian package redis-server)")
        super().__init__()
        self.options = {"appendonly": "yes", "appendfsync": appendfsync, "save": "", **options}

    def command(self):
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, **self.options}
        settings = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        return [self.program, *settings]

    def account(self):
        return {}

    def answers(self):
        with self.client() as client:
            # After a crash it reads its file first, and says so.
            return client.ping()

    def kill(self):
        """Crash it."""
        self.process.kill()
        self.process.wait(timeout=PATIENCE_S)

    def client(self):
        return redis.Redis(port=self.port)

    def url(self, database=0):
        return f"redis://127.0.0.1:{self.port}/{database}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgres_programs():
    """Return the folder of PostgreSQL's programs, which Debian keeps out of the PATH."""
    beside_psql = shutil.which("initdb")
    found = [Path(beside_psql).resolve().parent] if beside_psql else []
    found += sorted(DEBIAN_PROGRAMS.glob("*/bin"), key=_version, reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise MissingServerError("PostgreSQL is not installed (Debian package postgresql)")


def is_postgres_installed():
    """Tell if there is a point in starting tests on it."""
    with contextlib.suppress(MissingServerError):
        return bool(postgres_programs())
    return False


def _version(folder):
    return float(folder.parent.name)


def _children_of(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


if __name__ == "__main__":
    # For make, `nothing to run on || run`: an error here, too, has it run and say what is wrong.
    sys.exit(is_postgres_installed())
