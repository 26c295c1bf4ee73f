import logging

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from experiments.services.events import redis_durability
from experiments.services.events.redis_durability import doubts_about
from tests.servers import free_port

pytestmark = pytest.mark.redis


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({}, None),
        ({"appendfsync": "always"}, None),
        ({"appendonly": "no"}, "keeps no append-only file"),
        ({"appendfsync": "no"}, "half a minute"),
        ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "evicts any key"),
        ({"maxmemory": "100mb", "maxmemory-policy": "volatile-lru"}, None),
        ({"maxmemory-policy": "allkeys-lru"}, None),  # Without a limit nothing is evicted.
    ],
    ids=str,
)
def test_doubts_name_the_setting_that_may_lose_events(redis_server, changes, doubt):
    with redis_server.client() as client:
        before = {name: client.config_get(name)[name] for name in changes}
        try:
            for name, value in changes.items():
                client.config_set(name, value)
            doubts = doubts_about(client)
        finally:
            for name, value in before.items():
                client.config_set(name, value)
    assert len(doubts) == (doubt is not None)
    assert doubt is None or doubt in doubts[0]


def test_hidden_settings_raise_no_doubt(redis_server, monkeypatch):
    def hidden(_, __):
        raise ResponseError("unknown command 'CONFIG'")

    monkeypatch.setattr(Redis, "config_get", hidden)
    with redis_server.client() as client:
        assert doubts_about(client) == []


def test_every_process_warns_at_its_start(redis_server, settings, caplog):
    with caplog.at_level(logging.WARNING):
        redis_durability.warn_at_start()
        assert caplog.text == ""
        settings.CTAOPT_EVENTS_URL = redis_server.url()
        with redis_server.client() as client:
            client.config_set("appendonly", "no")
            try:
                redis_durability.warn_at_start()
            finally:
                client.config_set("appendonly", "yes")
    assert "no append-only file" in caplog.text


def test_warning_says_that_redis_is_away(caplog):
    with caplog.at_level(logging.WARNING):
        redis_durability.warn_about(Redis(port=free_port()))
    assert "Redis does not answer" in caplog.text
