import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from experiments.management import connection
from experiments.management.connection import Connection, ServiceError


class Service:
    """Answers with what a test has put in `answers`, the last one for ever."""

    def __init__(self):
        self.answers = [(200, b"{}")]
        self.requests = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.requests.append((self.path, self.headers, json.loads(body)))
                answers = service.answers
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def service():
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def caller(service, monkeypatch):
    """A connection that does not wait between its tries."""
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.0)
    caller = Connection(service.url + "/prefix/", key="the-key")
    yield caller
    caller.close()


def test_post_sends_json_with_the_key(service, caller):
    service.answers = [(200, b'{"a": 1}')]
    assert caller.post("/path", {"b": 2}).body == {"a": 1}
    path, headers, body = service.requests[0]
    assert (path, headers["Authorization"], body) == ("/prefix/path", "Bearer the-key", {"b": 2})


@pytest.mark.parametrize("fault", [None, (503, b"{}"), (429, b"")], ids=["cut", "503", "429"])
def test_post_comes_again_with_the_same_content(service, caller, fault):
    service.answers = [fault, fault, (202, b"{}")]
    assert caller.post("/path", {"id": 7}).status == 202
    assert [body for _, _, body in service.requests] == [{"id": 7}] * 3
    assert caller.sent_again == 2


def test_post_gives_up_and_says_why(service, caller):
    service.answers = [(503, b"{}")]
    with pytest.raises(ServiceError, match=r"/path: no answer after 6 tries \(HTTP 503\)"):
        caller.post("/path", {})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, b""), "HTTP 401: the key is unknown"),
        ((404, b'{"errorDetails": "unknown slot"}'), "HTTP 404: unknown slot"),
        ((400, b'{"error": "not a list"}'), "HTTP 400: not a list"),
        ((500, b"<html>"), "HTTP 500: <html>"),
    ],
    ids=["401", "404", "400", "500"],
)
def test_refusal_is_not_tried_again(service, caller, answer, message):
    service.answers = [answer]
    with pytest.raises(ServiceError, match=message):
        caller.post("/path", {})
    assert len(service.requests) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://"])
def test_address_must_be_of_http(url):
    with pytest.raises(ServiceError, match="is not an http address"):
        Connection(url, key="k")
