import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet, lasting_port
from tests.missing import leave_out
from tests.servers import PostgresServer, RedisServer


@pytest.fixture
def own_postgres(postgres_server):
    """A PostgreSQL to be killed. It asks for the shared one, which says if there can be none."""
    server = PostgresServer()
    server.port = lasting_port()
    yield server.start()
    server.remove()


@pytest.fixture
def own_redis(redis_server):
    """A Redis to be killed, which keeps all that it acknowledged.

    With `everysec` it answers before it writes while the disk is slow, and may lose that.
    """
    server = RedisServer(appendfsync="always")
    server.port = lasting_port()
    yield server.start()
    server.remove()


@pytest.fixture
def fleet_of(tmp_path):
    """Start a fleet of these processes; it is ended with the test."""
    fleets = []

    def make(*names, **options):
        fleet = Fleet(tmp_path, **options)
        fleets.append(fleet)
        fleet.start(*names)
        fleet.wait_until_ready()
        return fleet

    yield make
    for fleet in fleets:
        fleet.stop()


@pytest.fixture
def small_disk():
    """Make a file system of a few megabytes, which only root may: CI is root."""
    mounted = []

    def make(megabytes):
        # Not pytest's own folder: PostgreSQL runs as another person, whom that shuts out.
        folder = Path(tempfile.mkdtemp(prefix="ctaopt-disk-"))
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=777", "tmpfs", folder]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            folder.rmdir()
            leave_out(f"no file system can be mounted here: {result.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607
        folder.rmdir()
