import pytest

from experiments.services.events.redis_stream import Entry, EventStream
from experiments.services.installation.waiting_events import PAGE, copy_stream, put_back

pytestmark = pytest.mark.redis


@pytest.fixture
def stream(redis_server):
    client = redis_server.client()
    client.flushall()
    yield EventStream(client=client)
    client.close()


def payloads(stream):
    return [fields[b"e"] for _, fields in stream.client.xrange(stream.prefix)]


def test_entries_come_back_in_their_order_read_ones_and_dead_ones_too(stream, tmp_path):
    sent = [bytes([n % 256, 255, 10]) for n in range(PAGE + 3)]
    for payload in sent:
        stream.append(payload)
    stream.make_group()
    # A consumer died with these: they are acknowledged to the client, and not stored.
    stream.read(consumer="died", count=5, block_s=0.1)
    stream.bury(Entry(id="1-1", payload=b"x"), payload=b"bad", reason="unreadable")
    assert copy_stream(stream, tmp_path / "stream") == len(sent) + 1
    stream.client.flushall()
    put_back(stream, tmp_path / "stream")
    assert payloads(stream) == sent
    (dead,) = stream.dead(count=None)
    assert (dead.payload, dead.reason, dead.entry) == (b"bad", "unreadable", "1-1")


def test_empty_stream_is_an_empty_file(stream, tmp_path):
    assert copy_stream(stream, tmp_path / "stream") == 0
    put_back(stream, tmp_path / "stream")
    assert stream.depths().waiting == 0
