import logging

import pytest
from redis import Redis

from experiments.services.senders.shared_limit import PREFIX, SharedLimit
from tests.servers import free_port

A, B = b"aaaaaaaaaaaa", b"bbbbbbbbbbbb"


def passed(limits, requests, *, events=1, now=0.0, key=A):
    """How many events get through, the requests dealt to the processes in turn."""
    count = 0
    for number in range(requests):
        limit = limits[number % len(limits)]
        if not limit.take(key, now=now):
            limit.spend(key, events - 1, now=now)
            count += events
    return count


@pytest.fixture
def client(redis_server):
    with redis_server.client() as client:
        client.flushdb()
        yield client


@pytest.mark.redis
def test_processes_share_a_limit(client):
    processes = [SharedLimit("t", 10, 10.0, client) for _ in range(4)]
    # One alone lets 100 pass; four of them overshoot by what they had not reported.
    assert 100 <= passed(processes, 2_000) <= 100 + 4 * 10
    assert passed(processes, 100, key=B) == 100


@pytest.mark.redis
def test_refused_key_may_come_again(client):
    processes = [SharedLimit("t", 1_000, 0.1, client) for _ in range(2)]
    passed(processes, 3_000, now=0.0)
    waits = [limit.take(A, now=0.0) for limit in processes]
    assert all(0 < wait <= 3 for wait in waits)
    assert processes[0].take(A, now=5.0) == 0.0


@pytest.mark.redis
def test_redis_keeps_nothing_beyond_the_window(client):
    limit = SharedLimit("t", 10, 2.0, client)
    passed([limit], 30)
    (name,) = client.keys(f"{PREFIX}*")
    assert A.hex() in name.decode()
    assert 0 < client.pttl(name) <= 5_000


@pytest.mark.redis
def test_usual_sender_costs_no_call(client):
    calls = client.info("commandstats")
    limit = SharedLimit("t", 100, 60.0, client)
    passed([limit], 50)
    assert client.keys(f"{PREFIX}*") == []
    assert "cmdstat_eval" not in {*client.info("commandstats")} - {*calls}


def test_silent_redis_leaves_each_process_its_own_limit(caplog):
    client = Redis(port=free_port(), socket_connect_timeout=0.2)
    processes = [SharedLimit("t", 10, 10.0, client) for _ in range(2)]
    with caplog.at_level(logging.WARNING):
        assert passed(processes, 1_000) == 200
    assert len(caplog.records) == 2


def test_limit_of_zero_never_refuses():
    assert passed([SharedLimit("t", 0, 60.0, None)], 500, events=100) == 50_000


def test_what_was_not_reported_is_forgotten():
    client = Redis(port=free_port(), socket_connect_timeout=0.2)
    limit = SharedLimit("t", 1_000, 60.0, client)
    passed([limit], 10, now=1.0)
    passed([limit], 1, now=100.0, key=B)
    assert set(limit._unreported) == {B}
