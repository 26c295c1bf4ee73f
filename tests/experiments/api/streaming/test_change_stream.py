import asyncio
import json
import logging

import pytest
from django.db import OperationalError

from experiments.api.streaming.change_stream import PATH, Stream
from experiments.services.serving.snapshot import ServedSlot, Snapshot
from tests.factories import served_site

pytestmark = pytest.mark.on_both_databases

KEY = "key=shop-client-key"


def make_site(key="shop", text="Go", **changes):
    slot = ServedSlot(key="hero", default_values={"en": {"text": text}}, experiments=())
    return served_site(key, slots={"hero": slot}, **changes)


class Store:
    """Hands out what the test puts into it."""

    def __init__(self, *sites):
        self.snapshot = Snapshot(revision=0, client_keys={}, server_key_digests={})
        self.change(*sites)

    def change(self, *sites):
        keys = {site.client_key: site for site in sites}
        revision = self.snapshot.revision + 1
        self.snapshot = Snapshot(revision=revision, client_keys=keys, server_key_digests={})

    def current(self):
        if self.snapshot is None:
            raise OperationalError("connection refused")
        return self.snapshot


class Client:
    """One request to the application, as a server would hand it over."""

    def __init__(self, app, *, path=PATH, query=KEY, method="GET", address=None, **headers):
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "client": address and (address, 50_000),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        self.status = None
        self.headers = {}
        self.is_closed = False
        self._text = b""
        self._came = asyncio.Condition()
        self._gone = asyncio.Event()
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        async with self._came:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self._text += message["body"]
                self.is_closed = not message["more_body"]
            self._came.notify_all()

    async def read(self, text):
        """Wait until the text has come; return all that came up to its end."""
        async with self._came:
            await asyncio.wait_for(self._came.wait_for(lambda: text in self._text), 10)
            before, _, self._text = self._text.partition(text)
        return before + text

    async def end(self):
        await asyncio.wait_for(self.task, 10)
        return self._text

    async def leave(self):
        self._gone.set()
        await self.end()


def run(scenario, *sites, **options):
    """Run a scenario with a store and an application that has looked once."""

    async def main():
        store = Store(*(sites or (make_site(),)))
        app = Stream(store, max_connections=options.pop("max_connections", 10), **options)
        await app.look()
        await scenario(app, store)

    asyncio.run(main())


def events_in(text):
    return [
        json.loads(line[6:]) for line in text.decode().splitlines() if line.startswith("data: ")
    ]


def test_change_of_the_site_is_told_with_its_revision():
    async def scenario(app, store):
        client = Client(app)
        await client.read(b": open\n\n")
        store.change(make_site(text="New words"))
        await app.look()
        text = await client.read(b"}\n\n")
        assert events_in(text) == [{"type": "refetchEvaluation", "etag": "2"}]
        assert b"id: 2\n" in text
        await client.leave()

    run(scenario)


def test_stream_says_what_it_is_and_may_be_read_by_any_page():
    async def scenario(app, store):
        client = Client(app, origin="https://anywhere.example")
        await client.read(b"retry: 3000\n: open\n\n")
        assert client.status == 200
        assert client.headers["content-type"] == "text/event-stream"
        assert client.headers["cache-control"] == "no-store"
        assert client.headers["access-control-allow-origin"] == "*"
        await client.leave()

    run(scenario)


def test_change_of_another_site_is_not_told():
    async def scenario(app, store):
        shop, rival = Client(app), Client(app, query="key=rival-client-key")
        for client in (shop, rival):
            await client.read(b": open\n\n")
        store.change(make_site(), make_site("rival", text="New words"))
        await app.look()
        await rival.read(b"}\n\n")
        store.change(make_site(text="Later"), make_site("rival", text="New words"))
        await app.look()
        # The first that the shop hears is the second change.
        assert events_in(await shop.read(b"}\n\n"))[0]["etag"] == "3"
        for client in (shop, rival):
            await client.leave()

    run(scenario, make_site(), make_site("rival"))


def test_changes_in_a_row_are_one_event_with_the_newest_revision():
    async def scenario(app, store):
        client = Client(app)
        await client.read(b": open\n\n")
        for number in range(3):
            store.change(make_site(text=f"Words {number}"))
        # One look: the news of a first one may reach the client before a second.
        await app.look()
        text = await client.read(b"}\n\n")
        assert [event["etag"] for event in events_in(text)] == ["4"]
        await client.leave()

    run(scenario)


@pytest.mark.parametrize(
    ("seen", "is_told"), [("1", False), ("0", True), ("x", False), ("", False)]
)
def test_browser_that_comes_back_is_told_what_it_missed(seen, is_told):
    async def scenario(app, store):
        client = Client(app, last_event_id=seen)
        await client.read(b"data: " if is_told else b": \n\n")
        await client.leave()

    run(scenario, heartbeat_s=0.05)


def test_silent_connection_is_kept_open_by_comments():
    async def scenario(app, store):
        client = Client(app)
        for _ in range(3):
            await client.read(b": \n\n")
        await client.leave()

    run(scenario, heartbeat_s=0.01)


def test_stream_ends_when_its_key_opens_nothing_more():
    async def scenario(app, store):
        client = Client(app)
        await client.read(b": open\n\n")
        store.change(make_site("rival"))
        await app.look()
        await client.end()
        assert client.is_closed

    run(scenario)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"query": ""}, 401),
        ({"query": "key=unknown"}, 401),
        ({"query": KEY, "x_api_key": "unknown"}, 401),
        (
            {
                "query": "",
                "authorization": "Bearer shop-client-key",
                "origin": "https://evil.example",
            },
            403,
        ),
        ({"path": "/elsewhere"}, 404),
        ({"method": "POST"}, 405),
        ({"method": "OPTIONS"}, 204),
        ({"path": "/healthz"}, 200),
    ],
    ids=str,
)
def test_other_requests_are_answered_and_end(request_, status):
    async def scenario(app, store):
        client = Client(app, **request_)
        await client.end()
        assert (client.status, client.is_closed) == (status, True)
        assert client.headers["access-control-allow-origin"] == "*"

    run(scenario, make_site(allowed_origins=frozenset({"https://shop.example"})))


def test_connections_are_bounded_and_a_place_becomes_free():
    async def scenario(app, store):
        first, second = Client(app), Client(app)
        for client in (first, second):
            await client.read(b": open\n\n")
        third = Client(app)
        assert b"too many streams" in await third.end()
        assert (third.status, third.headers["retry-after"]) == (503, "30")
        await first.leave()
        fourth = Client(app)
        await fourth.read(b": open\n\n")
        for client in (second, fourth):
            await client.leave()

    run(scenario, max_connections=2)


def test_one_address_does_not_take_all_places():
    async def scenario(app, store):
        first, second = (Client(app, address="198.51.100.7") for _ in range(2))
        for client in (first, second):
            await client.read(b": open\n\n")
        third = Client(app, address="198.51.100.7")
        assert b"from this address" in await third.end()
        assert (third.status, third.headers["retry-after"]) == (429, "30")
        others = [Client(app, address=a) for a in ("198.51.100.8", "127.0.0.1", "127.0.0.1", None)]
        for client in others:
            await client.read(b": open\n\n")
        await first.leave()
        fourth = Client(app, address="198.51.100.7")
        await fourth.read(b": open\n\n")
        for client in (second, fourth, *others):
            await client.leave()
        assert not app._n_of_network

    run(scenario, max_per_address=2)


def test_silent_database_gives_503_to_newcomers():
    async def scenario(app, store):
        store.snapshot = None
        client = Client(app)
        await client.end()
        assert client.status == 503

    run(scenario)


def test_application_looks_from_startup_to_shutdown(caplog):
    async def main():
        store = Store(make_site())
        app = Stream(store, max_connections=10, poll_s=0.01)
        asked = asyncio.Queue()
        told = asyncio.Queue()
        life = asyncio.create_task(app({"type": "lifespan"}, asked.get, told.put))
        await asked.put({"type": "lifespan.startup"})
        assert await told.get() == {"type": "lifespan.startup.complete"}
        client = Client(app)
        await client.read(b": open\n\n")
        before, store.snapshot = store.snapshot, None
        await asyncio.sleep(0.05)  # The database is silent for some rounds.
        store.snapshot = before
        store.change(make_site(text="New words"))
        await client.read(b"data: ")
        await client.leave()
        await asked.put({"type": "lifespan.shutdown"})
        assert await told.get() == {"type": "lifespan.shutdown.complete"}
        await life

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "cannot look at the configuration" in caplog.text
