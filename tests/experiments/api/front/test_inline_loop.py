import asyncio
import threading

import pytest

from experiments.api.front.inline_loop import Inline, InlineLoop, Suspended, inline_loop


@pytest.fixture
def loop():
    loop = InlineLoop()
    yield loop
    loop.close()


class Noted(Inline):
    def __init__(self):
        self.calls = []

    def __call__(self, *arguments):
        self.calls.append((threading.get_ident(), arguments))


class Pause(Suspended):
    """Suspends a coroutine once."""

    def __init__(self):
        self.coroutine = None

    def __await__(self):
        yield self

    def begin(self, coroutine):
        self.coroutine = coroutine


def test_callbacks_that_never_wait_run_at_once_where_they_are_called(loop):
    noted = Noted()
    assert loop.call_soon_threadsafe(noted, 1, 2) is None
    assert noted.calls == [(threading.get_ident(), (1, 2))]


def test_requests_run_at_once_up_to_where_they_wait(loop):
    steps, pause = [], Pause()

    async def request():
        steps.append("begun")
        await pause
        steps.append("ended")

    assert loop.call_soon_threadsafe(print, request()) is None
    assert steps == ["begun"]
    with pytest.raises(StopIteration):
        pause.coroutine.send(None)
    assert steps == ["begun", "ended"]


def test_everything_else_waits_for_the_loop(loop):
    called = []
    loop.call_soon_threadsafe(called.append, 1)
    assert called == []
    loop.run_until_complete(asyncio.sleep(0))
    assert called == [1]


def test_loop_is_set_for_its_thread():
    loop = inline_loop()
    try:
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
