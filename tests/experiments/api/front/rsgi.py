"""Stand-ins for granian's objects of one request, and a client on an event loop."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace


class Headers(dict):
    """Headers by lower-case name, as granian's."""


@dataclass
class Proto:
    """The server's side of a request; `pieces` are what the client sends."""

    pieces: list = field(default_factory=list)
    is_held: bool = False
    answer: tuple = ()
    cancelled: list = field(default_factory=list)

    def response_empty(self, status, headers):
        self.response_bytes(status, headers, b"")

    def response_bytes(self, status, headers, body):
        assert not self.answer, "answered twice"
        self.answer = (status, {name.lower(): value for name, value in headers}, body)

    def client_disconnect(self):
        return SimpleNamespace(
            add_done_callback=lambda *_, **__: None, cancel=lambda: self.cancelled.append("leaving")
        )

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece
        if self.is_held:
            await asyncio.Event().wait()


def scope(method="GET", path="/", headers=None, **fields):
    values = {
        "proto": "http",
        "query_string": "",
        "scheme": "http",
        "client": "192.0.2.7:50000",
        "authority": "localhost",
    }
    lowered = Headers({name.lower(): value for name, value in (headers or {}).items()})
    return SimpleNamespace(method=method, path=path, headers=lowered, **(values | fields))


async def asked(front, one, proto=None):
    """Return what the application answers on the loop."""
    proto = proto or Proto()
    await front.__rsgi__(one, proto)
    return proto.answer
