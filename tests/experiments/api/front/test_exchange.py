import gc
import threading
from types import SimpleNamespace

import pytest

from experiments.api.front.exchange import Exchange
from experiments.api.front.inline_loop import run
from experiments.api.public.http import Response
from tests.experiments.api.front.rsgi import Proto, scope


def made(method="GET"):
    proto = Proto()
    exchange, ended = Exchange(scope(method), proto, None), []
    exchange.ending_with(ended.append)
    return exchange, proto, ended


def test_first_answer_is_sent_and_no_other():
    exchange, proto, ended = made()
    assert not exchange.is_answered
    assert exchange.respond(Response(status=200, body=b"a"))
    assert not exchange.respond(Response(status=503, body=b"b"))
    assert (proto.answer[0], proto.answer[2], ended) == (200, b"a", [None])
    assert exchange.is_answered


def test_of_threads_that_answer_together_one_wins():
    exchange, _, ended = made()
    together, sent = threading.Barrier(8), []

    def answer():
        together.wait(timeout=240)
        sent.append(exchange.respond(Response(status=200)))

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert (sorted(sent), ended) == ([False] * 7 + [True], [None])


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
def test_answer_without_a_body_has_none(method, status):
    exchange, proto, _ = made(method)
    exchange.respond(Response(status=status, body=b"content"))
    assert proto.answer[2] == b""


def test_last_answer_ends_the_connection():
    exchange, proto, _ = made()
    exchange.respond(Response(status=408, headers=(("A", "b"),)), is_last=True)
    assert proto.answer[1] == {"a": "b", "connection": "close"}


def test_coroutine_of_the_server_goes_on_with_the_answer():
    steps = []
    exchange = Exchange(scope(), Proto(), None).starting_with(lambda _: steps.append("started"))

    async def server():
        await exchange
        steps.append("done")

    run(server())
    assert steps == ["started"]
    exchange.respond(Response(status=200))
    assert steps == ["started", "done"]


class Body:
    """The server's promise of a body."""

    def __init__(self, content):
        self.content = content

    def __iter__(self):
        return self

    def __next__(self):
        if isinstance(self.content, Exception):
            raise self.content
        raise StopIteration(self.content)


@pytest.mark.parametrize(
    ("content", "seen"), [(b"all", b"all"), (RuntimeError("stream closed"), None)]
)
def test_body_is_handed_over_or_its_loss(content, seen):
    arrived, callbacks = [], []
    exchange = Exchange(scope("POST"), Proto(), None)

    class Promise(Body):
        def add_done_callback(self, callback, context):
            callbacks.append(callback)

    promise = Promise(content)
    exchange.proto = lambda: promise
    exchange.read(lambda one, body: arrived.append((one, body)))
    assert arrived == []
    callbacks[0](promise)
    assert arrived == [(exchange, seen)]
    # The promise holds the exchange, out of sight of the garbage collector.
    assert promise not in gc.get_referents(exchange)


def test_answered_client_is_watched_no_longer():
    exchange, proto, _ = made()
    exchange.watch()
    assert proto.cancelled == []
    exchange.respond(Response(status=200))
    assert proto.cancelled == ["leaving"]


def test_given_up_body_is_let_go():
    cancelled = []
    exchange = Exchange(scope("POST"), Proto(), None)
    exchange.proto = lambda: SimpleNamespace(
        add_done_callback=lambda *_, **__: None, cancel=lambda: cancelled.append(True)
    )
    exchange.read(pytest.fail)
    exchange.give_up()
    exchange.give_up()
    assert cancelled == [True]
