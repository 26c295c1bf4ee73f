"""The RSGI application in front of everything: memory answers here, threads what has to wait.

Evaluations, the payload, the snippet and /healthz are answered from the snapshot by the thread
that receives them. A body is read before any thread is taken, within a size and a time. Events
and everything that asks a database get threads of bounded shares; Django is another process.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from time import monotonic
from typing import Any

from django.db import close_old_connections

from experiments.api.front.django_proxy import DjangoProxy
from experiments.api.front.exchange import Exchange
from experiments.api.front.scope_request import ScopeRequest, announced_bytes
from experiments.api.front.thread_shares import ThreadShare, ThreadShares
from experiments.api.public.http import (
    HTML,
    JSON,
    NO_IDS,
    RefusedError,
    RequestIds,
    Response,
    bad_body,
    error_response,
    refusal,
    too_large,
)
from experiments.api.public.prometheus import count_busy
from experiments.api.public.router import LOOK_UPS, answer, completed, route_of
from experiments.services.serving.database_waits import Waits, WouldWaitError, set_waits
from experiments.services.serving.snapshot_store import SnapshotStore

logger = logging.getLogger(__name__)

# Bodies up to here are read by the server's own code, longer ones piece by piece.
SHORT_BODY = 65_536
# An evaluation that is better with a query waits so long for it.
LOOK_UP_PATIENCE_S = 0.25
SWEEP_S = 1.0
# A thread that computes yields to evaluations after so long; Python's own default is 5 ms.
SWITCH_INTERVAL_S = 0.0005
FIRST_SNAPSHOT_S = 20.0
RETRY_AFTER = ("Retry-After", "2")
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Limits of bodies.

    Args:
        public: Most bytes for evaluations and events.
        django: Most bytes for pages and the management API.
        held: Most bytes of long bodies that the process holds at once.
        timeout_s: Seconds in which a body must arrive.
    """

    public: int
    django: int
    held: int
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Additions of the process.

    Args:
        is_draining: Tells if clients should move on to other workers.
        on_loaded: Called once the worker can answer.
        request_ids: Ids of the requests.
        error_page: Makes the page of a status for the headers Accept and Accept-Language; "" where
            a program asks.
    """

    is_draining: Callable[[], bool] = bool
    on_loaded: Callable[[], object] = bool
    request_ids: RequestIds = NO_IDS
    error_page: Callable[[int, str, str], str] = lambda *_: ""


NO_HOOKS = Hooks()


class Front:
    """RSGI application of a worker."""

    _loop: asyncio.AbstractEventLoop
    _loop_thread: int

    def __init__(
        self,
        store: SnapshotStore,
        *,
        shares: ThreadShares,
        limits: BodyLimits,
        django: DjangoProxy,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        self._store = store
        self._shares = shares
        self._limits = limits
        self._django = django
        self._hooks = hooks
        # Bodies under way, with the time at which they are given up.
        self._reading: dict[Exchange, float] = {}
        self._held = 0

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Load the snapshot before the first request, and note the thread of the loop."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._loop, self._loop_thread = loop, threading.get_ident()
        # A successor that is not ready must not take over.
        self._store.start(patience_s=FIRST_SNAPSHOT_S)
        loop.call_later(SWEEP_S, self._sweep)
        self._hooks.on_loaded()

    def __rsgi__(self, scope: Any, proto: Any) -> Awaitable[None] | Exchange:
        route = route_of(scope.path)
        exchange = Exchange(scope, proto, route)
        exchange.id = self._hooks.request_ids.new(scope.headers.get("x-request-id"))
        if threading.get_ident() == self._loop_thread:  # Of a loop that runs nothing at once.
            return self._answered_on_loop(exchange)
        if route is not None and not route.share and scope.method in BODILESS:
            return exchange.starting_with(self._answer_from_memory)
        return exchange.starting_with(self._take)

    async def _answered_on_loop(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        exchange.ending_with(lambda _: loop.call_soon_threadsafe(done.set_result, None))
        await self._read(exchange)
        await done

    def _take(self, exchange: Exchange) -> None:
        try:
            length = announced_bytes(exchange.scope)
            self._check_length(exchange, length)
        except RefusedError as error:
            self._refuse(exchange, error)
            return
        if length == 0:
            self._dispatch(exchange)
        elif length is not None and length <= SHORT_BODY:
            exchange.length = length
            self._reading[exchange] = monotonic() + self._limits.timeout_s
            exchange.read(self._arrived)
        else:
            self._on_loop(partial(self._read_in_task, exchange))

    def _on_loop(self, work: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(work)

    def _arrived(self, exchange: Exchange, content: bytes | None) -> None:
        self._reading.pop(exchange, None)
        if exchange.is_answered:  # Too late.
            return
        if content is None or len(content) < exchange.length:
            self._refuse(exchange, broken_off(len(content or b""), exchange.length))
            return
        exchange.content = content
        self._dispatch(exchange)

    def _sweep(self) -> None:
        """Give bodies up that have not arrived in time."""
        now = monotonic()
        for exchange, deadline in list(self._reading.items()):
            if deadline < now and self._reading.pop(exchange, None) is not None:
                exchange.give_up()
                self._refuse(exchange, late_body(self._limits.timeout_s))
        self._loop.call_later(SWEEP_S, self._sweep)

    def _read_in_task(self, exchange: Exchange) -> None:
        task = self._loop.create_task(self._read(exchange))
        task.add_done_callback(_forget)

    async def _read(self, exchange: Exchange) -> None:
        """Read a body piece by piece, then go on."""
        try:
            exchange.content = await self._pieces_in_time(exchange)
        except RefusedError as error:
            self._refuse(exchange, error)
        else:
            self._dispatch(exchange)

    async def _pieces_in_time(self, exchange: Exchange) -> bytes:
        length = announced_bytes(exchange.scope)
        self._check_length(exchange, length)
        if length == 0:
            return b""
        reading = asyncio.ensure_future(self._pieces(exchange))
        # The server's futures cannot be cancelled: this one is left behind, and ends with
        # the connection.
        done, _ = await asyncio.wait({reading}, timeout=self._limits.timeout_s)
        if not done:
            reading.cancel()
            reading.add_done_callback(_forget)
            raise late_body(self._limits.timeout_s)
        content = reading.result()
        if length is not None and len(content) < length:
            raise broken_off(len(content), length)
        return content

    async def _pieces(self, exchange: Exchange) -> bytes:
        limit, pieces, size = self._limit(exchange), [], 0
        async for piece in exchange.proto:
            size += len(piece)
            exchange.held += len(piece)
            self._held += len(piece)
            if size > limit:
                raise too_large(limit)
            if self._held > self._limits.held:
                raise RefusedError(503, code="GENERAL", details="too much arrives at once")
            pieces.append(piece)
        return b"".join(pieces)

    def _limit(self, exchange: Exchange) -> int:
        return self._limits.django if exchange.route is None else self._limits.public

    def _check_length(self, exchange: Exchange, length: int | None) -> None:
        limit = self._limit(exchange)
        if length is not None and length > limit:
            raise too_large(limit)

    def _dispatch(self, exchange: Exchange) -> None:
        scope, route = exchange.scope, exchange.route
        if route is None:
            self._hand_on(
                exchange, self._shares.of_path(scope.method, scope.path), self._ask_django
            )
        elif route.share and scope.method in route.methods:
            self._hand_on(exchange, self._shares.named(route.share), self._answer_in_thread)
        else:
            self._answer_from_memory(exchange)

    def _hand_on(
        self, exchange: Exchange, share: ThreadShare, work: Callable[[Exchange], None]
    ) -> None:
        if share.is_full:  # It will wait: nobody should work for a client that has left.
            exchange.watch()
        refuse = partial(self._refuse_busy, exchange, share)
        share.submit(partial(self._try, work, exchange), refuse)

    def _answer_from_memory(self, exchange: Exchange) -> None:
        set_waits(Waits.REFUSED)
        try:
            response = self._response(exchange)
        except WouldWaitError:
            self._answer_with_query(exchange)
        else:
            self._respond(exchange, response)

    def _answer_with_query(self, exchange: Exchange) -> None:
        """Try in a thread that may wait, and go without where it is late."""
        without = partial(self._answer_without_query, exchange)
        self._on_loop(lambda: self._loop.call_later(LOOK_UP_PATIENCE_S, without))
        share = self._shares.named(LOOK_UPS)
        share.submit(partial(self._try, self._answer_in_thread, exchange), without)

    def _try(self, work: Callable[[Exchange], None], exchange: Exchange) -> None:
        """Do work in a thread; a failure is logged here, since nothing else would report it."""
        try:
            work(exchange)
        except Exception:
            logger.exception("%s: a fault of ours", exchange.scope.path)
            self._fail(exchange, error_response(500, "the service failed; its log says why"))

    def _answer_without_query(self, exchange: Exchange) -> None:
        if exchange.is_answered:
            return
        set_waits(Waits.SKIPPED)
        self._respond(exchange, self._response(exchange))
        set_waits(Waits.ALLOWED)

    def _answer_in_thread(self, exchange: Exchange) -> None:
        if exchange.is_answered or exchange.is_gone:
            self._respond(exchange, error_response(503, "the client has left"))
            return
        self._respond(exchange, self._response(exchange))
        close_old_connections()

    def _response(self, exchange: Exchange) -> Response:
        if exchange.route is None:
            raise TypeError("a request of Django's")
        self._hooks.request_ids.set(exchange.id)
        if exchange.request is None:  # The same one where a thread tries again: it counts once.
            exchange.request = ScopeRequest(exchange.scope, exchange.content)
        return answer(exchange.request, exchange.route, self._store)

    def _ask_django(self, exchange: Exchange) -> None:
        if exchange.is_gone:
            self._respond(exchange, error_response(503, "the client has left"))
            return
        self._hooks.request_ids.set(exchange.id)
        try:
            response = self._django.ask(exchange.scope, exchange.content, request_id=exchange.id)
        except TimeoutError:
            self._fail(exchange, error_response(504, "this takes too long"))
        except (OSError, HTTPException, ValueError) as error:
            logger.warning("%s: Django does not answer: %r", exchange.scope.path, error)
            details = "pages cannot be served now; try again"
            self._fail(exchange, error_response(503, details, RETRY_AFTER))
        else:
            self._respond(exchange, response)

    def _refuse_busy(self, exchange: Exchange, share: ThreadShare) -> None:
        count_busy(share.name)
        details = f"too many requests at once for {share.name}; try again"
        self._fail(exchange, error_response(503, details, RETRY_AFTER))

    def _refuse(self, exchange: Exchange, error: RefusedError) -> None:
        """Refuse a body; what is left of it is not read, so the connection ends."""
        self._fail(exchange, refusal(error), is_last=True)

    def _fail(self, exchange: Exchange, response: Response, *, is_last: bool = False) -> None:
        """Answer with an error: as JSON, or as a page to whoever asked for one."""
        if exchange.route is None and not exchange.scope.path.startswith("/api/"):
            headers = exchange.scope.headers
            accepted = headers.get("accept", ""), headers.get("accept-language", "")
            if page := self._hooks.error_page(response.status, *accepted):
                others = tuple(pair for pair in response.headers if pair != JSON)
                response = replace(response, body=page.encode(), headers=(HTML, *others))
        self._respond(exchange, response, is_last=is_last)

    def _respond(self, exchange: Exchange, response: Response, *, is_last: bool = False) -> None:
        if exchange.held:
            self._held -= exchange.held
            exchange.held = 0
        exchange.respond(
            completed(response, exchange.route), is_last=is_last or self._hooks.is_draining()
        )


def late_body(timeout_s: float) -> RefusedError:
    details = f"the body did not arrive within {timeout_s:g} s"
    return RefusedError(408, code="GENERAL", details=details)


def broken_off(size: int, length: int) -> RefusedError:
    return bad_body(f"it ended after {size} of {length} bytes")


def _forget(task: "asyncio.Future[Any]") -> None:
    """Take note of a fault that nobody waits for any more."""
    if not task.cancelled() and task.exception() is not None:
        logger.info("a body was not read to its end: %r", task.exception())
