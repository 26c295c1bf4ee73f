"""Minimal ASGI helpers for the change stream, without a framework."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any

from experiments.api.public.http import Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


async def live(task: Callable[[], Coroutine[Any, Any, None]], receive: Receive, send: Send) -> None:
    """Answer the lifespan protocol; the task runs from startup to shutdown."""
    running: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            running = asyncio.create_task(task())
        elif running is not None:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def request_of(scope: Scope) -> Request:
    """Return the request as the WSGI side knows it; the first of a repeated header counts."""
    # No peer of a Unix socket has an address.
    client = scope.get("client")
    environ: dict[str, Any] = {"REMOTE_ADDR": client[0]} if client else {}
    for name, value in scope["headers"]:
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        environ.setdefault(key, value.decode("latin-1"))
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        environ=environ,
    )


async def send_response(response: Response, send: Send) -> None:
    await _start(send, response.status, response.headers)
    await write(send, response.body, is_last=True)


async def start_stream(send: Send, headers: Iterable[tuple[str, str]]) -> None:
    await _start(send, 200, headers)


async def write(send: Send, content: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": not is_last})


async def left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, status: int, headers: Iterable[tuple[str, str]]) -> None:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
