"""A receiver of webhooks on this machine, that answers as it is told."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class Receiver:
    """What came, and how the next requests are answered.

    `answers` are statuses, used up one by one, then 200; "hang" answers nothing, "trickle" a byte
    of a header now and then, until the test is over.
    """

    def __init__(self):
        self.came = []
        self.answers = []
        self.is_over = Event()
        self.port = 0

    def url(self, path="/hook", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def bodies(self):
        return [body for _path, _headers, body in self.came]


def _handler(receiver):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.came.append((self.path, dict(self.headers), body))
            answer = receiver.answers.pop(0) if receiver.answers else 200
            if answer == "hang":
                receiver.is_over.wait(30)
            elif answer == "trickle":
                self._trickle()
            else:
                self.send_response(answer)
                if 300 <= answer < 400:
                    self.send_header("Location", receiver.url("/elsewhere"))
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _trickle(self):
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not receiver.is_over.wait(0.05):
                    self.wfile.write(b"x")
                    self.wfile.flush()
            except OSError:
                return  # The caller has cut the connection.

        def log_message(self, *_):
            """Say nothing."""

    return Handler


@contextmanager
def receiving():
    """Receive on a free port of this machine."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()
