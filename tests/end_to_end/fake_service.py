"""Two small HTTP servers for browser tests: one plays the service, one the customer's site."""

import contextlib
import hashlib
import json
import mimetypes
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATIENCE_S = 240
SDK_DIST = Path(__file__).parents[2] / "sdk" / "dist"


class Server:
    """An HTTP server on a free loopback port, in a thread of its own."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], owner: object) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._http.owner = owner  # type: ignore[attr-defined]
        self.connections: list[socket.socket] = []
        self._http.connections = self.connections  # type: ignore[attr-defined]
        self.origin = f"http://127.0.0.1:{self._http.server_port}"
        # The poll interval is how long stopping takes.
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and hang up on everybody, as a killed process does."""
        self._http.shutdown()
        self._http.server_close()
        self.hang_up()

    def hang_up(self) -> None:
        for connection in self.connections:
            with contextlib.suppress(OSError):  # most are closed already
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)  # type: ignore[attr-defined]

    @property
    def owner(self) -> Any:
        return self.server.owner  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(ConnectionError):  # the browser has left the page
            self.end_headers()
            self.wfile.write(body)


@dataclass
class Evaluation:
    """One OFREP bulk request, as it came in."""

    context: dict[str, Any]
    headers: dict[str, str]
    status: int = 200


CORS = {
    "Access_Control_Allow_Origin": "*",
    "Access_Control_Allow_Headers": "content-type, if-none-match, authorization, x-api-key",
    "Access_Control_Expose_Headers": "ETag, Retry-After",
    "Access_Control_Max_Age": "600",
}


class _ServiceHandler(_Handler):
    def do_OPTIONS(self) -> None:
        self.answer(204, **CORS)

    def do_GET(self) -> None:
        service: FakeService = self.owner
        name = urlsplit(self.path).path[1:]
        is_second = name.startswith("cta-more-")
        (service.second_gate if is_second else service.script_gate).wait()
        with service.changed:
            service.scripts.append(name)
            service.changed.notify_all()
        if is_second and service.is_second_missing:
            self.answer(404, **CORS)
            return
        script = (SDK_DIST / name).read_bytes()
        self.answer(200, script, Content_Type="text/javascript", **CORS)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        url = urlsplit(self.path)
        if url.path == "/ofrep/v1/evaluate/flags":
            self.evaluate(body["context"])
        elif url.path == "/api/v1/events":
            self.collect(body, parse_qs(url.query))
        else:
            self.answer(404, **CORS)

    def evaluate(self, context: dict[str, Any]) -> None:
        service: FakeService = self.owner
        evaluation = Evaluation(context, {k.lower(): v for k, v in self.headers.items()})
        with service.changed:
            service.evaluations.append(evaluation)
            service.changed.notify_all()
        service.gate.wait()
        if service.is_down:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = {"flags": service.flags}
        if service.metadata:
            content["metadata"] = service.metadata
        body = json.dumps(content).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if service.evaluation_status != 200:
            evaluation.status = service.evaluation_status
            body = json.dumps({"errorDetails": service.details} if service.details else {}).encode()
        elif self.headers["If-None-Match"] == etag:
            evaluation.status, body = 304, b""
        headers = {"ETag": etag, "Content_Type": "application/json", **CORS}
        self.answer(evaluation.status, body, **headers)

    def collect(self, body: dict[str, Any], query: dict[str, list[str]]) -> None:
        service: FakeService = self.owner
        events, key = body["events"], query.get("key", [""])[0]
        with service.changed:
            service.batches.append(
                Batch(events, key, self.headers["Content-Type"], body.get("sent_at"))
            )
            service.changed.notify_all()
        rejected = [
            {"index": index, "reason": reason}
            for index, event in enumerate(events)
            if (reason := service.refusals.get(event["type"]))
        ]
        n_accepted = len(events) - len(rejected)
        content = {"accepted": n_accepted, "duplicates": 0, "rejected": rejected}
        self.answer(
            service.events_status, json.dumps(content).encode(), **CORS, **service.events_headers
        )


@dataclass
class Batch:
    """One events request, as it came in."""

    events: list[dict[str, Any]]
    key: str
    content_type: str
    sent_at: str | None


@dataclass
class FakeService:
    """Plays ctaopt: serves cta.js, evaluates to `flags`, collects events."""

    flags: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    is_down: bool = False  # hangs up instead of evaluating
    evaluation_status: int = 200
    details: str = ""
    events_status: int = 202
    events_headers: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)  # type of event -> reason
    evaluations: list[Evaluation] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)  # files of the snippet that were asked for
    is_second_missing: bool = False

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.gate = threading.Event()  # closed, it holds answers back
        self.gate.set()
        self.script_gate = threading.Event()
        self.script_gate.set()
        self.second_gate = threading.Event()
        self.second_gate.set()
        self._server = Server(_ServiceHandler, owner=self)
        self.origin = self._server.origin

    def stop(self) -> None:
        self.gate.set()
        self.script_gate.set()
        self.second_gate.set()
        self._server.stop()

    def hang_up(self) -> None:
        """Close the connections that clients keep, as a restarted server does."""
        self._server.hang_up()

    @property
    def connections(self) -> list[socket.socket]:
        return self._server.connections

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in list(self.batches) for event in batch.events]

    def wait_for_events(self, n_events: int) -> list[dict[str, Any]]:
        """Wait until so many events have come; return all there are."""
        return self._wait_for(lambda: len(self.events) >= n_events, lambda: self.events)

    def wait_for_evaluations(self, n_evaluations: int) -> list[Evaluation]:
        return self._wait_for(
            lambda: len(self.evaluations) >= n_evaluations, lambda: list(self.evaluations)
        )

    def wait_for_second_file(self) -> str:
        """Wait until a page has asked for the snippet's second file; return its name."""
        return self._wait_for(self._second_files, lambda: self._second_files()[0])

    def _second_files(self) -> list[str]:
        return [name for name in self.scripts if name.startswith("cta-more-")]

    def _wait_for(self, condition: Any, result: Any) -> Any:
        with self.changed:
            assert self.changed.wait_for(condition, timeout=PATIENCE_S), result()
        return result()


class _SiteHandler(_Handler):
    def do_GET(self) -> None:
        site: FakeSite = self.owner
        site.asked.append(self.path)
        chunks = site.pages.get(urlsplit(self.path).path)
        if chunks is None:
            self.answer(404)
            return
        self.send_response(200)
        kind = mimetypes.guess_type(urlsplit(self.path).path)[0] or "text/html"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Connection", "close")
        if site.policy:
            self.send_header("Content-Security-Policy", site.policy)
        with contextlib.suppress(ConnectionError):
            self.end_headers()
        for number, chunk in enumerate(chunks):
            if number:
                site.gate.wait()
            with contextlib.suppress(ConnectionError):  # the browser has left the page
                self.wfile.write(chunk.encode())
                self.wfile.flush()
        self.close_connection = True


@dataclass
class FakeSite:
    """Plays a customer's site: pages by path, each in chunks that a gate holds back."""

    pages: dict[str, list[str]] = field(default_factory=dict)
    policy: str = ""
    asked: list[str] = field(default_factory=list)  # paths with their queries, in their order

    def __post_init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self._server = Server(_SiteHandler, owner=self)
        self.origin = self._server.origin

    def stop(self) -> None:
        self.gate.set()
        self._server.stop()
