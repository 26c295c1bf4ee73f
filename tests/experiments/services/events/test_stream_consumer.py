import json
import logging

import pytest
from django.db import IntegrityError, OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from experiments.services.events import redis_stream, stream_consumer
from experiments.services.events.redis_stream import Depths
from experiments.services.events.stream_consumer import ALONE_FROM, BURIED_FROM, Consumer, Storage

pytestmark = [pytest.mark.redis, pytest.mark.on_both_databases]


class Store:
    """A database of numbers: negative ones break a rule, and all do while it is away."""

    def __init__(self):
        self.numbers = set()
        self.transactions = []
        self.is_away = False

    def __call__(self, rows):
        if self.is_away:
            raise OperationalError("the database is away")
        if any(row < 0 for row in rows):
            raise IntegrityError(f"a rule forbids {min(rows)}")
        self.transactions.append(list(rows))
        new = set(rows) - self.numbers
        self.numbers |= new
        return len(new)


def encode(rows):
    return json.dumps(list(rows)).encode()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def consumer(stream, store):
    return consumer_of(stream, store)


def consumer_of(stream, store, name="one", **changes):
    storage = Storage(decode=json.loads, store=store, encode=encode)
    return Consumer(stream=stream, storage=storage, name=name, **changes)


def send(stream, *batches):
    for batch in batches:
        stream.append(encode(batch))


def deliver(stream, times, consumer="dead"):
    """Hand the waiting entries out so often to consumers that do nothing with them."""
    stream.read(consumer=consumer, count=100, block_s=0.01)
    for _ in range(times - 1):
        stream.reclaim(consumer=consumer, count=100, idle_s=0, start="0-0")


def test_entries_are_stored_together_then_acknowledged(stream, store, consumer):
    send(stream, [1, 2], [3], [])
    consumer.drain()
    assert store.transactions == [[1, 2, 3]]
    assert stream.depths() == Depths(waiting=0, pending=0, dead=0)
    assert consumer.tally.stored == 3


def test_transaction_holds_no_more_rows_than_told(stream, store):
    send(stream, [1, 2], [3, 4], [5], [6, 7, 8])
    consumer_of(stream, store, max_rows=3).drain()
    assert store.transactions == [[1, 2], [3, 4, 5], [6, 7, 8]]


def test_entry_that_comes_twice_is_a_duplicate(stream, store, consumer):
    send(stream, [1], [2])
    consumer.drain()
    send(stream, [1], [3])
    consumer.drain()
    assert (consumer.tally.stored, consumer.tally.duplicates) == (3, 1)


def test_nothing_is_acknowledged_while_the_database_is_away(stream, store, consumer):
    send(stream, [1], [2])
    store.is_away = True
    for _ in range(2):
        with pytest.raises(OperationalError):
            consumer.step()
    assert stream.depths() == Depths(waiting=2, pending=2, dead=0)
    store.is_away = False
    consumer.step()
    assert (store.numbers, stream.depths().waiting) == ({1, 2}, 0)


def test_commit_without_acknowledgement_is_harmless(stream, store, consumer, monkeypatch):
    send(stream, [1])
    with monkeypatch.context() as patch:
        patch.setattr(
            type(stream), "acknowledge", lambda *_: (_ for _ in ()).throw(RedisConnectionError())
        )
        with pytest.raises(RedisConnectionError):
            consumer.step()
    assert (store.numbers, stream.depths().pending) == ({1}, 1)
    consumer.step()
    assert (store.numbers, stream.depths()) == ({1}, Depths(waiting=0, pending=0, dead=0))


def test_what_a_dead_consumer_left_is_taken_over(stream, store):
    send(stream, [1], [2])
    deliver(stream, 1)
    early = consumer_of(stream, store, "early", reclaim_after_s=60)
    early.drain()
    assert store.numbers == set()
    consumer_of(stream, store, "two", reclaim_after_s=0).drain()
    assert (store.numbers, stream.depths().waiting) == ({1, 2}, 0)


def test_event_that_breaks_a_rule_is_buried_and_the_others_are_stored(stream, store, consumer):
    send(stream, [1], [2, -2, 3, -3], [4])
    consumer.drain()
    assert store.numbers == {1, 2, 3, 4}
    (dead,) = stream.dead(count=10)
    assert json.loads(dead.payload) == [-2, -3]
    assert dead.reason == "a rule forbids -2"
    assert stream.depths() == Depths(waiting=0, pending=0, dead=1)


def test_entry_that_cannot_be_read_is_buried_as_it_is(stream, store, consumer, caplog):
    send(stream, [1])
    stream.append(b"{")
    send(stream, [2])
    with caplog.at_level(logging.ERROR):
        consumer.drain()
    assert store.numbers == {1, 2}
    (dead,) = stream.dead(count=10)
    assert dead.payload == b"{"
    assert "cannot be read" in dead.reason
    assert "dead_events" in caplog.text


def test_entry_that_may_have_killed_its_readers_is_stored_alone(stream, store):
    send(stream, [1], [2])
    deliver(stream, ALONE_FROM)
    send(stream, [3])
    consumer_of(stream, store, "two", reclaim_after_s=0).drain()
    assert store.transactions == [[1], [2], [3]]


def test_entry_that_nobody_survives_is_buried(stream, store):
    send(stream, [1])
    deliver(stream, BURIED_FROM)
    send(stream, [2])
    consumer_of(stream, store, "two", reclaim_after_s=0).drain()
    assert store.numbers == {2}
    assert f"handed out {BURIED_FROM + 1} times" in stream.dead(count=1)[0].reason


def test_outage_of_the_database_buries_nothing(stream, store):
    # An entry that was handed out often waits like the others: its turn is not its fault.
    send(stream, [1])
    deliver(stream, ALONE_FROM)
    consumer = consumer_of(stream, store, "two", reclaim_after_s=0)
    store.is_away = True
    for _ in range(2 * BURIED_FROM):
        with pytest.raises(OperationalError):
            consumer.step()
    store.is_away = False
    consumer.drain()
    assert (store.numbers, stream.depths().dead) == ({1}, 0)


def test_run_waits_out_both_sides_and_ends_when_asked(stream, store, consumer, monkeypatch):
    monkeypatch.setattr(stream_consumer, "PAUSE_S", 0.01)
    send(stream, [1])
    store.is_away = True
    steps = iter(["", "", "back", "", "flushed", "", "", "stop"])

    def is_asked_to_stop():
        step = next(steps)
        if step == "back":
            store.is_away = False
        if step == "flushed":  # Redis was started anew without its data: no group.
            stream.client.flushdb()
            send(stream, [2])
        return step == "stop"

    monkeypatch.setattr(stream_consumer, "BLOCK_S", 0.01)
    consumer.run(is_asked_to_stop=is_asked_to_stop)
    assert store.numbers == {1, 2}
    assert stream.client.xinfo_consumers(stream.prefix, redis_stream.GROUP) == []


def test_consumers_share_the_work(stream, store):
    send(stream, *([number] for number in range(20)))
    one, two = (consumer_of(stream, store, name, count=5) for name in ("one", "two"))
    for consumer in (one, two, one, two):
        assert consumer.step() == 5
    assert store.numbers == set(range(20))
    assert one.tally.stored == two.tally.stored == 10
