"""An event loop whose server answers from memory without a detour through the loop.

granian's RSGI interface hands each request to the event loop, and each body once more: that costs
as much CPU time as an evaluation. This loop runs the start of a request, and the arrival of its
body, in the thread of the server that announces them. Whatever has to wait goes to the loop or to
other threads, as ever. Without this loop the application works too, and is half as fast.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from types import CoroutineType
from typing import Any

NAME = "inline"


class Inline:
    """A callback that never waits, and may run in any thread."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> None:
        raise NotImplementedError


class Suspended:
    """An awaitable that a coroutine outside the loop is left with; it continues it when done."""

    __slots__ = ()

    def begin(self, coroutine: "CoroutineType[Any, Any, Any]") -> None:
        raise NotImplementedError


class InlineLoop(asyncio.SelectorEventLoop):
    """Runs requests and callbacks that never wait at once, everything else as its base does."""

    def call_soon_threadsafe(  # type: ignore[override]  # a Handle for what is left to the loop
        self, callback: Callable[..., Any], *arguments: Any, context: Context | None = None
    ) -> asyncio.Handle | None:
        if isinstance(callback, Inline):
            callback(*arguments)
            return None
        if arguments and type(arguments[0]) is CoroutineType:  # How the server begins a request.
            run(arguments[0])
            return None
        return super().call_soon_threadsafe(callback, *arguments, context=context)


def run(coroutine: "CoroutineType[Any, Any, Any]") -> None:
    """Run a coroutine to its end, or to the one place where it waits."""
    try:
        suspended = coroutine.send(None)
    except StopIteration:
        return
    suspended.begin(coroutine)


def inline_loop() -> InlineLoop:
    """Return a new loop, set for this thread: what granian registers under NAME."""
    loop = InlineLoop()
    asyncio.set_event_loop(loop)
    return loop
