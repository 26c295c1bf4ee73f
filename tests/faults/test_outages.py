"""Full disks, a broker or a database that is gone: refused in time, never acknowledged in vain."""

import os
import signal
import tempfile
import time
from contextlib import contextmanager

import pytest

from tests.databases import migrated_postgres, migrated_sqlite
from tests.faults.load import Load
from tests.faults.test_kills import SEED
from tests.faults.verdict import check
from tests.servers import PostgresServer, RedisServer

pytestmark = pytest.mark.slow
# CTAOPT_FAULT_OUTAGE_S=60 makes the long form.
OUTAGE_S = float(os.environ.get("CTAOPT_FAULT_OUTAGE_S", "3"))
PATIENCE_S = 240
EVALUATE = ("POST", "/ofrep/v1/evaluate/flags/hero", {"context": {"targetingKey": "v-1"}})


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@contextmanager
def filled(folder):
    """Take every free byte of a file system, and give it back."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for size in (1_048_576, 4_096, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue
        yield
    finally:
        filler.unlink()


def more(load, status, n=10):
    """Return a condition: so many further answers of a status."""
    wanted = load.statuses[status] + n
    return lambda: load.statuses[status] >= wanted


def test_full_disk_under_sqlite_refuses_and_loses_nothing(fleet_of, small_disk):
    folder = small_disk(24)
    fleet = fleet_of("web", database_url=migrated_sqlite(folder / "ctaopt.sqlite3"))
    with Load(fleet, seed=SEED) as load:
        for _ in range(2):
            wait_for(more(load, 202))
            with filled(folder):
                wait_for(more(load, 503))
                assert fleet.ask(*EVALUATE)[0] == 200
    check(fleet, load)


@pytest.mark.redis
def test_full_disk_under_redis_refuses_and_loses_nothing(
    redis_server, tmp_path, fleet_of, small_disk
):
    folder = small_disk(16)
    broker = RedisServer(dir=folder)
    broker.start()
    try:
        url = migrated_sqlite(tmp_path / "ctaopt.sqlite3")
        fleet = fleet_of("web", "consumer", database_url=url, events_url=broker.url())
        with Load(fleet, seed=SEED) as load:
            wait_for(more(load, 202))
            with filled(folder):
                wait_for(more(load, 503))
            wait_for(more(load, 202))
        check(fleet, load)
    finally:
        broker.remove()


@pytest.mark.postgres
def test_full_disk_under_postgres_refuses_and_loses_nothing(
    postgres_server, fleet_of, small_disk, monkeypatch
):
    folder = small_disk(160)
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        database = PostgresServer(max_wal_size="48MB", min_wal_size="32MB")
    database.start()
    try:
        fleet = fleet_of("web", database_url=migrated_postgres(database, "faults"))
        with Load(fleet, seed=SEED) as load:
            wait_for(more(load, 202))
            with filled(folder):
                wait_for(more(load, 503))
            # Without room for its log PostgreSQL ends itself rather than forget.
            if database.process.poll() is not None:
                database.start()
            wait_for(more(load, 202))
        check(fleet, load)
    finally:
        database.remove()


@pytest.mark.redis
def test_broker_that_is_gone_is_waited_for(tmp_path, fleet_of, own_redis):
    url = migrated_sqlite(tmp_path / "ctaopt.sqlite3")
    fleet = fleet_of("web", "consumer", database_url=url, events_url=own_redis.url())
    with Load(fleet, seed=SEED) as load:
        wait_for(more(load, 202))
        own_redis.kill()
        wait_for(more(load, 503))
        time.sleep(OUTAGE_S)
        assert fleet.ask(*EVALUATE)[0] == 200
        own_redis.start()
        wait_for(more(load, 202))
        # One that hangs is worse than one that is gone: connections to it are taken.
        own_redis.process.send_signal(signal.SIGSTOP)
        wait_for(more(load, 503))
        own_redis.process.send_signal(signal.SIGCONT)
        wait_for(more(load, 202))
    check(fleet, load)


@pytest.mark.postgres
@pytest.mark.redis
def test_stream_takes_events_while_the_database_is_gone(fleet_of, own_postgres, own_redis):
    url = migrated_postgres(own_postgres, "faults")
    fleet = fleet_of("web", "consumer", database_url=url, events_url=own_redis.url())
    with Load(fleet, seed=SEED) as load:
        wait_for(more(load, 202))
        own_postgres.kill()
        time.sleep(OUTAGE_S)
        refused = load.statuses[503]
        wait_for(more(load, 202, n=50))
        assert load.statuses[503] == refused
        own_postgres.start()
    check(fleet, load)
