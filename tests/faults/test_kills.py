"""`kill -9` of every process under load: what was acknowledged is stored, once, and counted."""

import os
import time

import pytest

from tests.databases import migrated_postgres, migrated_sqlite
from tests.faults.load import Load, seeded
from tests.faults.verdict import check

pytestmark = pytest.mark.slow
# CTAOPT_FAULT_ROUNDS=20 makes the long form; each round kills every process once.
ROUNDS = int(os.environ.get("CTAOPT_FAULT_ROUNDS", "1"))
SEED = int(os.environ.get("CTAOPT_FAULT_SEED", "20261122"))


def crash(fleet, victims, *, rounds):
    """Kill each of the victims once a round, at a random moment, and start it again."""
    rng = seeded(SEED)
    for _ in range(rounds):
        for kill, start in rng.sample(victims, len(victims)):
            time.sleep(rng.uniform(0.2, 1.0))
            kill()
            time.sleep(rng.uniform(0.0, 0.3))
            start()
            fleet.wait_until_ready()


def process(fleet, name):
    """A process of the fleet as a victim."""
    return (lambda: fleet.kill(name)), (lambda: fleet.start(name))


def server(server):
    """A database or a broker as a victim."""
    return server.kill, server.start


def test_kills_of_web_and_worker_lose_nothing_on_sqlite(tmp_path, fleet_of):
    url = migrated_sqlite(tmp_path / "ctaopt.sqlite3")
    fleet = fleet_of("web", "worker", database_url=url)
    victims = [process(fleet, "web"), process(fleet, "worker")]
    with Load(fleet, seed=SEED) as load:
        crash(fleet, victims, rounds=2 * ROUNDS)
    check(fleet, load)
    assert load.statuses[0] > 0  # The kills were felt.


@pytest.mark.postgres
def test_kills_of_web_worker_and_postgres_lose_nothing(fleet_of, own_postgres):
    fleet = fleet_of("web", "worker", database_url=migrated_postgres(own_postgres, "faults"))
    victims = [process(fleet, "web"), process(fleet, "worker"), server(own_postgres)]
    with Load(fleet, seed=SEED) as load:
        crash(fleet, victims, rounds=ROUNDS)
    check(fleet, load)
    assert load.statuses[0] > 0
    assert load.statuses[503] > 0


@pytest.mark.postgres
@pytest.mark.redis
def test_kills_of_every_process_behind_a_stream_lose_nothing(fleet_of, own_postgres, own_redis):
    names = ("web", "worker", "consumer")
    fleet = fleet_of(
        *names, database_url=migrated_postgres(own_postgres, "faults"), events_url=own_redis.url()
    )
    victims = [process(fleet, name) for name in names]
    victims += [server(own_postgres), server(own_redis)]
    with Load(fleet, seed=SEED) as load:
        crash(fleet, victims, rounds=ROUNDS)
    check(fleet, load)
    assert load.statuses[0] > 0
