from time import monotonic

import pytest

from experiments.services.events import redis_stream
from experiments.services.events.redis_stream import (
    Depths,
    EventStream,
    StreamUnavailableError,
    configured_stream,
    open_stream,
)
from tests.servers import RedisServer, free_port

pytestmark = pytest.mark.redis


@pytest.fixture
def own_redis():
    """A Redis that a test may stop, with settings to be changed."""
    server = RedisServer()
    yield server.start()
    server.remove()


def read(stream, consumer="one"):
    return stream.read(consumer=consumer, count=10, block_s=0.01)


def test_entry_goes_through_once_and_is_forgotten(stream):
    payload = bytes(range(256))
    stream.append(payload)
    (entry,) = read(stream)
    assert entry.payload == payload
    assert (read(stream), read(stream, "two")) == ([], [])
    assert stream.depths() == Depths(waiting=1, pending=1, dead=0)
    stream.acknowledge([entry.id])
    assert stream.depths() == Depths(waiting=0, pending=0, dead=0)


def test_entries_come_in_their_order(stream):
    for number in range(5):
        stream.append(b"%d" % number)
    assert [entry.payload for entry in read(stream)] == [b"0", b"1", b"2", b"3", b"4"]


def test_what_was_appended_before_the_first_consumer_waits_for_it(stream):
    stream.client.delete(stream.prefix)
    stream.append(b"early")
    assert stream.depths() == Depths(waiting=1, pending=0, dead=0)
    stream.make_group()
    stream.make_group()
    assert [entry.payload for entry in read(stream)] == [b"early"]


def test_entry_of_a_consumer_that_is_gone_is_taken_over(stream):
    stream.append(b"left")
    (left,) = read(stream, "dead")
    busy = stream.reclaim(consumer="two", count=10, idle_s=60, start="0-0")
    assert busy.entries == []
    taken = stream.reclaim(consumer="two", count=10, idle_s=0, start="0-0")
    assert (taken.entries, taken.next_start) == ([left], "0-0")
    assert stream.deliveries(consumer="two", entries=[left]) == {left.id: 2}


def test_entry_that_was_stored_meanwhile_is_not_taken_over(stream):
    stream.append(b"stored")
    (entry,) = read(stream, "slow")
    stream.acknowledge([entry.id])
    assert stream.reclaim(consumer="two", count=10, idle_s=0, start="0-0").entries == []


def test_consumer_leaves_the_list_only_without_entries(stream):
    stream.append(b"left")
    (entry,) = read(stream)
    stream.forget_consumer("one")
    assert len(stream.client.xinfo_consumers(stream.prefix, redis_stream.GROUP)) == 1
    stream.acknowledge([entry.id])
    stream.forget_consumer("one")
    assert stream.client.xinfo_consumers(stream.prefix, redis_stream.GROUP) == []


def test_dead_entry_is_kept_with_its_reason_and_can_come_back(stream):
    stream.append(b"good and bad")
    (entry,) = read(stream)
    stream.bury(entry, payload=b"bad", reason="too bad", deliveries=3)
    assert stream.depths() == Depths(waiting=0, pending=0, dead=1)
    (dead,) = stream.dead(count=10)
    assert (dead.payload, dead.reason) == (b"bad", "too bad")
    assert (dead.entry, dead.deliveries) == (entry.id, 3)
    stream.replay(dead)
    assert [one.payload for one in read(stream)] == [b"bad"]
    assert stream.dead(count=10) == []


def test_dead_entry_can_be_dropped(stream):
    stream.append(b"bad")
    stream.bury(read(stream)[0], payload=b"bad", reason="too bad")
    stream.drop(stream.dead(count=1)[0])
    assert stream.depths() == Depths(waiting=0, pending=0, dead=0)


def test_stream_that_is_too_long_takes_no_more_until_it_is_shorter(stream, monkeypatch):
    monkeypatch.setattr(redis_stream, "LOOK_S", 0.0)
    stream.max_entries = 2
    for _ in range(2):
        stream.append(b"x")
    with pytest.raises(StreamUnavailableError, match="2 requests wait to be stored"):
        stream.append(b"x")
    stream.acknowledge([entry.id for entry in read(stream)])
    stream.append(b"x")


def test_full_redis_refuses_and_takes_again(stream):
    stream.client.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(StreamUnavailableError, match="maxmemory"):
            stream.append(b"x")
    finally:
        stream.client.config_set("maxmemory", "0")
    stream.append(b"x")
    assert stream.depths().waiting == 1


def test_redis_that_is_away_refuses_at_once_and_is_found_again(own_redis, monkeypatch):
    stream = open_stream(own_redis.url(), max_entries=10)
    stream.append(b"before")
    own_redis.kill()
    with pytest.raises(StreamUnavailableError):
        stream.append(b"lost")
    with pytest.raises(StreamUnavailableError, match="just now"):
        stream.append(b"not even tried")
    own_redis.start()
    monkeypatch.setattr(redis_stream, "monotonic", lambda: monotonic() + redis_stream.REST_S)
    stream.append(b"after")
    stream.make_group()
    assert [entry.payload for entry in read(stream)] == [b"before", b"after"]


def test_redis_that_stands_still_is_waited_for_once(own_redis, monkeypatch):
    monkeypatch.setattr(redis_stream, "TIMEOUT_S", 0.2)
    stream = open_stream(own_redis.url(), max_entries=10)
    stream.append(b"before")
    with own_redis.client() as client:
        client.execute_command("CLIENT", "PAUSE", 60_000, "ALL")
    with pytest.raises(StreamUnavailableError, match="Timeout"):
        stream.append(b"waits")
    with pytest.raises(StreamUnavailableError, match="just now"):
        stream.append(b"not even tried")


def test_address_that_nobody_listens_to_is_unavailable():
    stream = open_stream(f"redis://127.0.0.1:{free_port()}/0", max_entries=10)
    with pytest.raises(StreamUnavailableError, match="refused"):
        stream.append(b"x")


def test_settings_name_the_stream_or_none(settings):
    assert configured_stream() is None
    settings.CTAOPT_EVENTS_URL = "redis://127.0.0.1:1/0"
    settings.CTAOPT_EVENTS_MAX_WAITING = 7
    stream = configured_stream()
    assert isinstance(stream, EventStream)
    assert (stream.max_entries, configured_stream() is stream) == (7, True)
