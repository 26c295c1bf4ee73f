import http.server
import socketserver
import threading

import pytest

from experiments.api.front.django_proxy import DjangoProxy
from tests.experiments.api.front.rsgi import scope


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.command, self.path, self.headers, self._body()))
        content = b"content"
        self.send_response(int(self.headers.get("x-wanted", "200")))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_HEAD = do_GET  # noqa: N815  http.server's names

    def _body(self):
        return self.rfile.read(int(self.headers.get("content-length", "0")))

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def server(tmp_path):
    with UnixServer(str(tmp_path / "socket"), Recorder) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(timeout=240)


@pytest.fixture
def proxy(server):
    return DjangoProxy(server.server_address, timeout_s=10)


def test_request_arrives_as_it_was_sent(server, proxy):
    headers = {"Host": "cta.example.org", "Cookie": "s=1", "X-Forwarded-Proto": "https"}
    one = scope("POST", "/admin/é b/", headers, query_string="q=%20", scheme="https")
    proxy.ask(one, b"user=a", request_id="r-1")
    ((method, path, received, body),) = server.asked
    assert (method, path, body) == ("POST", "/admin/%C3%A9%20b/?q=%20", b"user=a")
    assert {name: received[name] for name in headers} == headers
    assert (received["x-ctaopt-address"], received["x-ctaopt-scheme"]) == ("192.0.2.7", "https")
    assert (received["content-length"], received["x-request-id"]) == ("6", "r-1")


def test_headers_of_the_clients_connection_stay_behind(server, proxy):
    headers = {"Connection": "close, X-Hop", "X-Hop": "1", "Transfer-Encoding": "chunked"}
    headers |= {"TE": "trailers", "Expect": "100-continue", "X-Ctaopt-Address": "203.0.113.9"}
    proxy.ask(scope("GET", "/", headers), b"", request_id="r-1")
    received = server.asked[0][2]
    assert received.get_all("x-ctaopt-address") == ["192.0.2.7"]
    for name in ("x-hop", "transfer-encoding", "te", "expect", "content-length"):
        assert name not in received


@pytest.mark.parametrize(("method", "body"), [("GET", b"content"), ("HEAD", b"")])
def test_answer_comes_back_whole(server, proxy, method, body):
    answer = proxy.ask(scope(method, "/", {"X-Wanted": "404"}), b"", request_id="r-1")
    assert (answer.status, answer.body, answer.is_complete) == (404, body, True)
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1", "b=2"]
    assert dict(answer.headers)["Content-Length"] == "7"
    assert not {name.lower() for name, _ in answer.headers} & {"connection", "date", "server"}


def test_absent_process_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        DjangoProxy(str(tmp_path / "nobody"), timeout_s=1).ask(scope(), b"", request_id="r-1")
