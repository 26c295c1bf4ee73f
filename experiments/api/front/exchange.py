"""A request under way, from its first line to its one answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from experiments.api.front.inline_loop import Inline, Suspended
from experiments.api.public.http import REQUEST_ID, WITHOUT_BODY, Response

if TYPE_CHECKING:
    from types import CoroutineType

    from experiments.api.public.http import Request
    from experiments.api.public.router import Route

CLOSE = ("Connection", "close")


class Exchange(Inline, Suspended):
    """Holder of a request; whichever thread answers first ends it.

    It is what the server's coroutine is left with while a body is read or a thread works, and what
    the server calls when the body is there.
    """

    __slots__ = (
        *(
            "_ends",
            "_body",
            "_is_left",
            "_leaving",
            "_on_body",
            "_once",
            "_start",
            "content",
            "held",
        ),
        *("id", "is_gone", "length", "proto", "request", "route", "scope"),
    )
    _start: Callable[[Exchange], None]
    _on_body: Callable[[Exchange, bytes | None], None]
    _ends: Callable[[None], object]

    def __init__(self, scope: Any, proto: Any, route: Route | None) -> None:
        self.scope = scope
        self.proto = proto
        self.route = route
        self.id = ""
        self.content = b""
        self.length = 0
        self.request: Request | None = None
        # Bytes of the body that count towards what the process may hold.
        self.held = 0
        self.is_gone = False
        self._body: Any = None
        self._leaving: Any = None
        self._is_left = False
        self._once = threading.Lock()

    def starting_with(self, start: Callable[[Exchange], None]) -> Exchange:
        """Return itself, as what the server's coroutine awaits; `start` is called from there."""
        self._start = start
        return self

    def __await__(self) -> Iterator[Exchange]:
        return self

    def __iter__(self) -> Iterator[Exchange]:
        return self

    def __next__(self) -> Exchange:
        if self._is_left:
            raise StopIteration
        self._is_left = True
        return self

    def begin(self, coroutine: CoroutineType[Any, Any, Any]) -> None:
        self._ends = coroutine.send
        self._start(self)

    def ending_with(self, ends: Callable[[None], object]) -> None:
        """Set what the answer continues, where no coroutine waits for it."""
        self._ends = ends

    def read(self, on_body: Callable[[Exchange, bytes | None], None]) -> None:
        """Have the server read a body of known length; one that breaks off comes as None."""
        self._on_body = on_body
        body = self._body = self.proto()
        body.add_done_callback(self, context=None)

    def give_up(self) -> None:
        """Have the server stop reading."""
        body, self._body = self._body, None
        if body is not None:
            body.cancel()

    def watch(self) -> None:
        """Set `is_gone` when the client leaves."""
        leaving = self._leaving = self.proto.client_disconnect()
        leaving.add_done_callback(_Gone(self), context=None)

    def __call__(self, body: Any) -> None:
        # The server's promise holds this callback, and neither would ever be freed.
        self._body = None
        self._on_body(self, _result(body))

    def respond(self, response: Response, *, is_last: bool = False) -> bool:
        """Send the answer, unless another thread has; `is_last` ends the connection."""
        if not self._once.acquire(blocking=False):
            return False
        if self._leaving is not None:
            # The server would wait for ever for who has been answered, and keep all this.
            self._leaving.cancel()
            self._leaving = None
        headers = [*response.headers]
        if self.id:
            headers.append((REQUEST_ID, self.id))
        if is_last:
            headers.append(CLOSE)
        if response.status in WITHOUT_BODY or self.scope.method == "HEAD":
            self.proto.response_empty(response.status, headers)
        else:
            self.proto.response_bytes(response.status, headers, response.body)
        with suppress(StopIteration):
            self._ends(None)
        return True

    @property
    def is_answered(self) -> bool:
        return self._once.locked()


class _Gone(Inline):
    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __call__(self, *_: Any) -> None:
        self._exchange.is_gone = True


def _result(body: Any) -> bytes | None:
    """Return what the server has read; None if the client left before its end."""
    try:
        next(iter(body))
    except StopIteration as done:
        content: bytes = done.value
        return content
    except Exception:  # noqa: BLE001  the server's own, which has no name in Python
        return None
    return None
