import pytest

from experiments.services.events.redis_stream import (
    open_stream,
)


@pytest.fixture
def stream(redis_server):
    with redis_server.client() as client:
        client.flushdb()
    stream = open_stream(redis_server.url(), max_entries=1_000)
    stream.make_group()
    yield stream
    stream.client.close()
