import pytest
from redis import Redis

from experiments.services.deployment import queue_checks as subject
from experiments.services.events import redis_stream
from tests.servers import RedisServer


def severities(findings):
    return {row.subject: row.severity.name for row in findings}


def test_folder_of_this_machine_and_no_stream(data_dir):
    assert severities(subject.queue_findings()) == {"queue": "OK", "stream": "SKIPPED"}


def test_redis_that_is_away_is_named():
    with Redis(port=1) as client:
        (row,) = subject.redis_findings("queue", client)
    assert (row.severity.name, row.text[:22]) == ("ERROR", "Redis does not answer:")


@pytest.mark.redis
def test_durable_redis_is_sound(redis_server):
    with redis_server.client() as client:
        assert severities(subject.redis_findings("stream", client)) == {"stream": "OK"}


@pytest.mark.redis
def test_redis_that_loses_and_evicts_is_named_twice():
    options = {"maxmemory": "50mb", "maxmemory-policy": "allkeys-lru"}
    server = RedisServer(**options | {"appendonly": "no"}).start()
    try:
        with server.client() as client:
            rows = list(subject.redis_findings("stream", client))
    finally:
        server.remove()
    assert [row.remedy for row in rows] == [
        "Set appendonly yes.",
        "Set maxmemory-policy noeviction: then events are refused with 503 instead.",
    ]


@pytest.mark.redis
def test_dead_events_are_counted(redis_server, settings, data_dir):
    with redis_server.client() as client:
        client.flushall()
        client.xadd(f"{redis_stream.PREFIX}:dead", {"e": b"x"})
        settings.CTAOPT_EVENTS_URL = settings.CELERY_BROKER_URL = redis_server.url()
        found = severities(subject.queue_findings())
        client.flushall()
    redis_stream.configured_stream().client.close()
    redis_stream._open_once.cache_clear()
    assert found == {"queue": "OK", "stream": "OK", "dead events": "WARNING"}
