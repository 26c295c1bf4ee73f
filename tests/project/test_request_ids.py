import asyncio
import logging

import pytest

from ctaopt.celery import hand_on_request_id
from ctaopt.observability.logs import RequestIdFilter
from ctaopt.observability.request_ids import (
    NOBODY,
    IdMaker,
    identified,
    identified_asgi,
    request_id,
)
from tests.wsgi_client import WSGIClient


@pytest.fixture(autouse=True)
def own_request():
    token = request_id.set(NOBODY)
    yield
    request_id.reset(token)


def client(seen):
    def application(environ, start_response):
        seen.append(request_id.get())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    return WSGIClient(identified(application))


def test_sane_id_is_kept_from_the_header_to_the_answer():
    seen = []
    answer = client(seen).get("/", headers={"X-Request-ID": "4bf92f3577b34da6.a-1_B"})
    assert answer.headers["x-request-id"] == "4bf92f3577b34da6.a-1_B"
    assert seen == ["4bf92f3577b34da6.a-1_B"]


@pytest.mark.parametrize(
    "given", ["", " ", "a b", "x\ny", "é", "a" * 65, "-a", '{"a":1}', "%0a", "a\x1b[31m"]
)
def test_id_that_could_harm_a_log_is_replaced(given):
    seen = []
    answer = client(seen).request("GET", "/", environ={"HTTP_X_REQUEST_ID": given})
    assert answer.headers["x-request-id"] == seen[0]
    assert seen[0] not in {given, NOBODY}


def test_made_ids_differ_between_requests_and_processes():
    one, other = IdMaker(), IdMaker()
    assert len({one(), one(), other(), other()}) == 4


def test_only_a_task_of_a_request_gets_its_id():
    headers = {}
    hand_on_request_id(headers=headers)
    assert headers == {}
    request_id.set("r-1")
    hand_on_request_id(headers=headers)
    assert headers == {"ctaopt_request_id": "r-1"}


async def streamed(given, *, kind="http"):
    """Id of the answer, and the one in a line that the log has of the request."""
    logged, sent = [], []

    async def application(scope, receive, send):
        await asyncio.sleep(0)  # Others are served meanwhile.
        record = logging.makeLogRecord({})
        RequestIdFilter().filter(record)
        logged.append(record.request_id)
        await send({"type": f"{kind}.response.start", "headers": [(b"a", b"b")]})
        await send({"type": f"{kind}.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    headers = [(b"x-request-id", given.encode())] if given else []
    await identified_asgi(application)({"type": kind, "headers": headers}, None, send)
    assert sent[1] == {"type": f"{kind}.response.body", "body": b""}
    return dict(sent[0]["headers"]).get(b"x-request-id", b"").decode(), logged[0]


def test_stream_gives_each_of_its_requests_an_id():
    async def several():
        return await asyncio.gather(*(streamed(given) for given in ("r-1", "r-2", "", "a b")))

    kept, other, new, replaced = asyncio.run(several())
    assert (kept, other) == (("r-1", "r-1"), ("r-2", "r-2"))
    for answered, logged in (new, replaced):
        assert answered == logged not in {"", "a b", NOBODY}


def test_start_of_the_stream_is_no_request():
    assert asyncio.run(streamed("r-1", kind="lifespan")) == ("", NOBODY)
