"""Calls a WSGI application as a web server would, without a socket."""

import io
import json
from dataclasses import dataclass
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class WSGIClient:
    """A client with a key; every call also checks that the application keeps to PEP 3333."""

    def __init__(self, app, *, key=""):
        self.app = app
        self.key = key

    def get(self, path, **options) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path, content=None, **options) -> Answer:
        """Post `content` as JSON; bytes go as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.request("POST", path, body=body, **options)

    def request(self, method, path, *, body=b"", query="", headers=None, environ=None) -> Answer:
        """`environ` overrides what a server would have set."""
        path_info = path.encode().decode("latin-1")  # PEP 3333: bytes in a text of latin-1
        values = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path_info,
            "QUERY_STRING": query,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        setup_testing_defaults(values)
        if self.key:
            values["HTTP_AUTHORIZATION"] = f"Bearer {self.key}"
        for name, value in (headers or {}).items():
            values[_environ_name(name)] = value
        return call(validator(self.app), values | (environ or {}))


def call(app, environ) -> Answer:
    """Call an application with this environ and gather its answer."""
    started: list[Any] = []

    def start_response(status, headers, exc_info=None):
        started[:] = [status, headers]
        return started.append

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers = started[:2]
    names = [name.lower() for name, _ in headers]
    assert len(names) == len(set(names)), f"a header twice: {headers}"
    return Answer(status=int(status.split()[0]), headers=_lowered(headers), body=body)


def _lowered(headers):
    return {name.lower(): value for name, value in headers}


def _environ_name(header):
    name = header.upper().replace("-", "_")
    return name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"
