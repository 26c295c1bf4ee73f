"""Strangers and colleagues who keep a server busy: `disturbances.py NAME PORT FOLDER`, until ended.

Each is one row of what once stopped all evaluations.
"""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from uuid import uuid4

from recording import PROJECT

# Strangers have machines of their own: what their threads compute should not count here. An import
# runs beside the service, and is not nice.
STRANGERS = 19
TOKEN = "a" * 32
KEY = {"X-API-Key": "demo-server-key", "Content-Type": "application/json"}
EVENTS = "/api/v1/events?key=demo-client-key"
HALVES = (
    b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nu",
    b"POST " + EVENTS.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{",
    b"POST " + EVENTS.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
)
EXACT = {
    "metric": "proportion",
    "method": "exact",
    "arms": [{"name": f"a{n}", "n": 480 + n, "sum": 40 + n} for n in range(11)],
}


def slow_senders(port: int, _: Path, n: int = 200) -> None:
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(n)]
    for number, one in enumerate(held):
        one.sendall(HALVES[number % len(HALVES)])
    threading.Event().wait()


def guessers(port: int, _: Path, n: int = 50) -> None:
    form = f"csrfmiddlewaretoken={TOKEN}&login=root&password=wrong"
    headers = {
        "Cookie": f"csrftoken={TOKEN}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    repeat(port, n, "POST", "/account/login/", lambda: form, headers)


def analysts(port: int, _: Path) -> None:
    repeat(port, 24, "POST", "/api/v1/analyze", lambda: json.dumps(EXACT), KEY)


def readers_of_principles(port: int, _: Path) -> None:
    repeat(port, 4, "GET", "/api/v1/principles/", lambda: None, KEY)


def pages_while_locked(port: int, folder: Path) -> None:
    """Hold SQLite's writer for ten seconds of each eleven, and send events."""
    threading.Thread(target=hold_lock, args=(folder,), daemon=True).start()
    repeat(port, 8, "POST", EVENTS, event, {})


def importer(_: int, folder: Path) -> None:
    subprocess.run(import_command(folder), cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)
    threading.Event().wait()


def import_command(folder: Path) -> list[str]:
    path = str(folder / "more.csv")
    return [sys.executable, "manage.py", "import_history", path, "--site", "demo"]


def everything(port: int, folder: Path) -> None:
    with subprocess.Popen(import_command(folder), cwd=PROJECT, stdout=subprocess.DEVNULL):
        os.nice(STRANGERS)
        threading.Thread(target=slow_senders, args=(port, folder), daemon=True).start()
        guessers(port, folder)


ALL: dict[str, Callable[[int, Path], None]] = {
    "200 half-sent bodies": slow_senders,
    "50 log-in guessers": guessers,
    "24 callers of analyze, exact tests of 11 arms": analysts,
    "4 readers of principles, 300,000 rows": readers_of_principles,
    "8 pages send events, SQLite locked": pages_while_locked,
    "import of 300,000 rows": importer,
    "200 half-sent, 50 guessers, import": everything,
}


def repeat(
    port: int, n: int, method: str, path: str, body: Callable[[], str | None], headers: dict
) -> None:
    """Ask from so many threads, again and again; whoever is refused waits a little."""

    def ask() -> None:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            try:
                connection.request(method, path, body(), headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status in {429, 503}:
                    sleep(0.1)
            except OSError:
                sleep(0.1)
            finally:
                connection.close()

    for _ in range(n):
        threading.Thread(target=ask, daemon=True).start()
    threading.Event().wait()


def event() -> str:
    one = {"type": "conversion", "id": str(uuid4()), "visitor": "v-1", "goal": "signup"}
    return json.dumps({"events": [one | {"at": datetime.now(UTC).isoformat()}]})


def hold_lock(folder: Path) -> None:
    connection = sqlite3.connect(
        folder / "data" / "ctaopt.sqlite3", isolation_level=None, timeout=60
    )
    while True:
        connection.execute("BEGIN IMMEDIATE")
        sleep(10)
        connection.execute("ROLLBACK")
        sleep(1)


if __name__ == "__main__":
    if "import" not in sys.argv[1]:
        os.nice(STRANGERS)
    ALL[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
