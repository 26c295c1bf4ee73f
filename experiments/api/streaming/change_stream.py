"""GET /ofrep/v1/stream: server-sent events that make OFREP clients evaluate again.

An ASGI application for a process of its own: a stream holds its connection for as long as a page
is open, which the workers that evaluate must not. Once a second it looks at the revision of the
configuration. An event carries no answer, only the news that there is another one; the client
then asks the serving processes, naming the revision (`flagConfigEtag`), so that none of them
answers from an older snapshot.
"""

import asyncio
import logging
import random
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from django.db import Error

from experiments.api.public.access import (
    CORS_HEADERS,
    PREFLIGHT_HEADERS,
    asker_of,
    network_of,
    too_many,
)
from experiments.api.public.http import (
    RefusedError,
    Request,
    Response,
    empty_response,
    encode_json,
    error_response,
    etag_of,
    json_response,
    refusal,
)
from experiments.api.streaming.asgi_http import (
    Receive,
    Scope,
    Send,
    left,
    live,
    request_of,
    send_response,
    start_stream,
    write,
)
from experiments.services.serving.evaluation import site_of_key
from experiments.services.serving.growthbook_payload import payload_of
from experiments.services.serving.snapshot import ServedSite, Snapshot
from experiments.services.serving.snapshot_store import SnapshotStore

logger = logging.getLogger(__name__)

PATH = "/ofrep/v1/stream"
POLL_S = 1.0
# Below the minute after which proxies give a silent connection up.
HEARTBEAT_S = 20.0
# A browser whose connection broke comes again after this long.
RETRY_MS = 3_000
# Clients told of a change in one second: each of them evaluates again.
NEWS_PER_S = 1_000
RETRY_AFTER_S = 30
RETRY_AFTER = ("Retry-After", str(RETRY_AFTER_S))
STREAM_HEADERS = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store"),
    # nginx holds answers back until a buffer is full, unless it is told.
    ("X-Accel-Buffering", "no"),
    *CORS_HEADERS,
)


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """One open connection; `revision` is the newest one sent or about to be sent.

    `network` is the client's, None for a server or where it is unknown.
    """

    key: str
    site: str
    revision: int
    network: str | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False


class Stream:
    """ASGI application of the stream, with limits on open connections, in all and by address."""

    def __init__(
        self,
        store: SnapshotStore,
        *,
        max_connections: int,
        max_per_address: int = 0,
        poll_s: float = POLL_S,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._store = store
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._n_of_network: Counter[str | None] = Counter()
        self._poll_s = poll_s
        self._heartbeat_s = heartbeat_s
        self._listeners: set[Listener] = set()
        # What each site's configuration looked like at the last look; None before the first.
        self._digests: dict[str, str] | None = None
        self._revision = -1
        self._snapshot: Snapshot | None = None
        self._rng = random.Random()  # noqa: S311  spreads load, keeps no secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(self._keep_looking, receive, send)
        elif scope["type"] == "http":
            await self._answer(request_of(scope), receive, send)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        response = _other_than_a_stream(request)
        if response is None:
            try:
                listener = await self._admitted(request)
            except RefusedError as error:
                response = refusal(error)
            else:
                await self._serve(listener, receive, send)
                return
        await send_response(response.completed(*CORS_HEADERS), send)

    async def _admitted(self, request: Request) -> Listener:
        snapshot = await self._current()
        # EventSource cannot set headers: a publishable key may stand in the address.
        client_key = parse_qs(request.query).get("key", [""])[0]
        asker = asker_of(request, snapshot, client_key=client_key)
        if len(self._listeners) >= self._max_connections:
            raise _busy("too many streams are open")
        network = network_of(request) if asker.is_page and self._max_per_address > 0 else None
        if network is not None and self._n_of_network[network] >= self._max_per_address:
            raise too_many(RETRY_AFTER_S, "too many streams are open from this address")
        listener = Listener(
            key=asker.key, site=asker.site.key, revision=snapshot.revision, network=network
        )
        seen = request.header("last-event-id")
        if seen.isascii() and seen[:20].isdigit() and int(seen[:20]) < snapshot.revision:
            listener.news.set()  # Something changed while it was away.
        return listener

    async def _current(self) -> Snapshot:
        try:
            return await asyncio.to_thread(self._store.current)
        except Error as error:
            raise _busy("the database does not answer") from error

    async def _serve(self, listener: Listener, receive: Receive, send: Send) -> None:
        """Write events and heartbeats until the client leaves or its key opens nothing more."""
        self._listeners.add(listener)
        self._n_of_network[listener.network] += 1
        leaving = asyncio.create_task(left(receive))
        try:
            await start_stream(send, STREAM_HEADERS)
            # With the id of an event a browser says after a break what it has seen.
            await write(send, b"retry: %d\n: open\n\n" % RETRY_MS)
            while not leaving.done() and not listener.is_over:
                await self._wait(listener, leaving)
                if not leaving.done() and not listener.is_over:
                    await write(send, _text(listener))
            await write(send, b"", is_last=True)
        except OSError:  # The client went away in the middle.
            return
        finally:
            leaving.cancel()
            self._listeners.discard(listener)
            self._n_of_network[listener.network] -= 1
            if not self._n_of_network[listener.network]:
                del self._n_of_network[listener.network]  # No address is kept beyond its streams.

    async def _wait(self, listener: Listener, leaving: "asyncio.Task[None]") -> None:
        news = asyncio.create_task(listener.news.wait())
        either = asyncio.FIRST_COMPLETED
        await asyncio.wait({news, leaving}, timeout=self._heartbeat_s, return_when=either)
        news.cancel()

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.look()
            except Error:
                logger.exception("The stream cannot look at the configuration.")
            await asyncio.sleep(self._poll_s)

    async def look(self) -> None:
        """Tell the listeners of each site that has changed since the last look."""
        snapshot = await asyncio.to_thread(self._store.current)
        if snapshot is self._snapshot:
            return
        # Another one of the same revision: a key has expired.
        self._snapshot = snapshot
        for listener in self._listeners:
            if site_of_key(snapshot, listener.key) is None:
                listener.is_over = True
                listener.news.set()
        if snapshot.revision == self._revision:
            return
        digests = await asyncio.to_thread(_digests, snapshot)
        before, self._digests, self._revision = self._digests, digests, snapshot.revision
        if before is not None:
            self._tell(snapshot, {key for key in digests if digests[key] != before.get(key)})

    def _tell(self, snapshot: Snapshot, changed: set[str]) -> None:
        spread_s = len(self._listeners) / NEWS_PER_S
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            if listener.site in changed and listener.revision < snapshot.revision:
                listener.revision = snapshot.revision
                loop.call_later(self._rng.uniform(0, spread_s), listener.news.set)


def _other_than_a_stream(request: Request) -> Response | None:
    if request.path == "/healthz":
        return json_response(200, {"status": "ok"})
    if request.path != PATH:
        return error_response(404, f"only {PATH} is here")
    if request.method == "OPTIONS":
        return Response(status=204, headers=PREFLIGHT_HEADERS)
    if request.method != "GET":
        return empty_response(405, ("Allow", "GET, OPTIONS"))
    return None


def _busy(details: str) -> RefusedError:
    return RefusedError(503, code="GENERAL", details=details, headers=(RETRY_AFTER,))


def _text(listener: Listener) -> bytes:
    """Return the event that is due, or a comment that keeps the connection open."""
    if not listener.news.is_set():
        return b": \n\n"
    listener.news.clear()
    news = {"type": "refetchEvaluation", "etag": str(listener.revision)}
    return b"id: %d\ndata: %b\n\n" % (listener.revision, encode_json(news))


def _digests(snapshot: Snapshot) -> dict[str, str]:
    return {site.key: _digest(site) for site in snapshot.client_keys.values()}


def _digest(site: ServedSite) -> str:
    return etag_of(encode_json(payload_of(site)))
