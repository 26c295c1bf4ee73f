import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import UnixStreamServer

import pytest

from ml.application.scoring_client import ServiceSilentError, post_question


class Handler(BaseHTTPRequestHandler):
    status, body = 200, b'{"predictor": 3}'
    asked = None

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        type(self).asked = (self.path, self.headers["Authorization"], self.rfile.read(length))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        """Say nothing."""

    def address_string(self):
        return "unix"


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(status, body):
    return type("Answering", (Handler,), {"status": status, "body": body})


def test_service_on_a_socket_is_asked(tmp_path):
    handler = answering(200, b'{"predictor": 3}')
    path = tmp_path / "s.sock"
    with serving(UnixStreamServer(str(path), handler)):
        answer = post_question(f"unix:{path}", {"texts": ["Découvrir"]}, token="t", timeout_s=20)
    assert answer == {"predictor": 3}
    route, token, body = handler.asked
    assert (route, token, json.loads(body)) == ("/score", "Bearer t", {"texts": ["Découvrir"]})


def test_another_question_has_another_path(tmp_path):
    handler = answering(200, b"{}")
    path = tmp_path / "s.sock"
    with serving(UnixStreamServer(str(path), handler)):
        post_question(f"unix:{path}", {}, token="t", timeout_s=20, path="/search")
    assert handler.asked[0] == "/search"


def test_service_on_a_port_is_asked():
    server = HTTPServer(("127.0.0.1", 0), answering(200, b"{}"))
    with serving(server):
        assert (
            post_question(f"http://127.0.0.1:{server.server_port}", {}, token="t", timeout_s=20)
            == {}
        )


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [(401, b"{}", "answered 401"), (200, b"no json", "Expecting value"), (500, b"", "500")],
)
def test_answer_that_is_none_is_said_so(status, body, message):
    server = HTTPServer(("127.0.0.1", 0), answering(status, body))
    with serving(server), pytest.raises(ServiceSilentError, match=message):
        post_question(f"http://127.0.0.1:{server.server_port}", {}, token="t", timeout_s=20)


def test_missing_service_is_said_so(tmp_path):
    with pytest.raises(ServiceSilentError, match="No such file"):
        post_question(f"unix:{tmp_path}/none.sock", {}, token="t", timeout_s=20)


def test_address_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="neither unix:/path nor http://host:port"):
        post_question("https://example.org", {}, token="t", timeout_s=1)
