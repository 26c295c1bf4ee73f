"""ClickHouse for tests: chDB's engine behind ClickHouse's own HTTP interface.

Run as a script it answers the real ClickHouse client. A process of its own, because chDB keeps
threads until the end of the process it is loaded in.
"""

import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@contextmanager
def clickhouse(files):
    """Yield the address of a server whose table `events` is what the Parquet files hold."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(files)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"clickhouse://default:@127.0.0.1:{process.stdout.readline().strip()}/default"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def serve(files):
    from chdb.session import Session  # noqa: PLC0415  not into the process of the tests

    session = Session()
    read = f"SELECT * FROM file('{files}', Parquet)"  # noqa: S608  a test's own file
    session.query(f"CREATE VIEW default.events AS {read}")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer(parse_qs(urlsplit(self.path).query)["query"][0])

        def do_POST(self):
            self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def answer(self, sql):
            try:
                status, body = 200, session.query(sql, "TabSeparated").bytes()
            except RuntimeError as error:
                status, body = 500, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing: the port is all that is printed."""

    # One after another: a session of chDB answers one question at a time.
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)  # noqa: T201  what the other side waits for
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
