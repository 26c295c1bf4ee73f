"""Evaluations are answered whatever strangers, Django and the database do.

Nothing is timed here: an evaluation that had to wait for what is held would wait for ever.
"""

import http.client
import json
import os
import select
import signal
import socket
import sqlite3
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import pytest

from ctaopt.serving.granian_server import KILL_AFTER_S
from experiments.api.front.thread_shares import PATIENCE_S as QUEUE_PATIENCE_S
from tests.end_to_end.live_service import LiveService

pytestmark = pytest.mark.slow

HEADERS = {"Authorization": "Bearer demo-client-key", "Content-Type": "application/json"}
OFREP = "/ofrep/v1/evaluate/flags"
BODY = json.dumps({"context": {"targetingKey": "v-1", "locale": "fr"}})
EVENTS = "/api/v1/events?key=demo-client-key"
# A page that needs no static file: it sends strangers to the log-in.
PAGE, SHOWN = "/admin/", 302
PATIENCE_S = 240
N_HELD = 200


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("isolated")
    service = LiveService(folder, CTAOPT_THREADS="log_in=1:1 pages=2:2 events=4:20")
    try:
        wait_until(lambda: status(service, "GET", PAGE) == SHOWN)
        yield service
    finally:
        service.stop()


def wait_until(is_so):
    deadline = monotonic() + PATIENCE_S
    while not is_so():
        assert monotonic() < deadline
        sleep(0.1)


def ask(service, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def status(*question):
    return ask(*question).status


def check_hot_path(service):
    """Ask for all that comes from memory, on new connections."""
    for _ in range(20):
        assert status(service, "POST", f"{OFREP}/hero-signup", BODY, HEADERS) == 200
    for method, path, body in (
        ("POST", OFREP, BODY),
        ("GET", "/api/features/demo-client-key", None),
        ("GET", "/fragment/hero-signup?key=demo-client-key", None),
        ("GET", "/cta.js", None),
        ("GET", "/healthz", None),
    ):
        assert status(service, method, path, body, HEADERS) == 200, path


HALVES = {
    "log-in": b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nu",
    "events": b"POST /api/v1/events?key=demo-client-key HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 99\r\n\r\n{",
    "evaluation": b"POST /ofrep/v1/evaluate/flags/hero-signup HTTP/1.1\r\nHost: localhost\r\n"
    b"Authorization: Bearer demo-client-key\r\nContent-Length: 99\r\n\r\n{",
    "chunks": b"POST /api/v1/events?key=demo-client-key HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "long": b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\nu",
    "head": b"POST /account/login/ HTTP/1.1\r\nHost: loc",
}


@contextmanager
def half_sent(service, text, n=N_HELD):
    with ExitStack() as stack:
        held = []
        for _ in range(n):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 30))
            one.sendall(text)
            held.append(one)
        yield held


@pytest.mark.parametrize("kind", HALVES)
def test_half_sent_requests_hold_nobody_up(service, kind):
    with half_sent(service, HALVES[kind]):
        check_hot_path(service)
        assert status(service, "GET", "/readyz") == 200
        assert status(service, "GET", PAGE) == SHOWN
        assert status(service, "POST", EVENTS, '{"events": []}') == 202


@contextmanager
def asked_at_once(service, n, *question):
    """Ask so often at the same time; yield the statuses, which are complete after the block."""
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(service, *question))) for _ in range(n)
    ]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        for thread in threads:
            thread.join(timeout=PATIENCE_S)


def django_processes(service):
    """Return the numbers of the server of Django and its workers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            variables = (folder / "environ").read_bytes()
        except OSError:
            continue
        is_ours = f"CTAOPT_DATA_DIR={service.folder / 'data'}".encode() in variables
        if is_ours and b"ctaopt.serving.serve_django" in command:
            found.append(int(folder.name))
    return sorted(found)


@contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_blocked_pages_take_their_share_and_no_more(service):
    processes = django_processes(service)
    assert processes
    with ExitStack() as stack:
        stack.enter_context(stopped(processes))
        pages = stack.enter_context(asked_at_once(service, 10, "GET", PAGE))
        # Two are under way and two wait; the others are refused at once.
        wait_until(lambda: len(pages) == 6)
        assert {one.status for one in pages} == {503}
        assert {one.headers["Retry-After"] for one in pages} == {"2"}
        check_hot_path(service)
        assert status(service, "POST", EVENTS, '{"events": []}') == 202
        refused = ask(service, "GET", "/metrics")
        assert refused.status == 200
        # While it is stopped the process does not end what it was asked: let it go on first.
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
    assert sorted(one.status for one in pages) == [SHOWN] * 4 + [503] * 6


def test_log_ins_have_a_share_of_their_own(service):
    processes = django_processes(service)
    form = "username=a&password=b"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with ExitStack() as stack:
        stack.enter_context(stopped(processes))
        guess = ("POST", "/account/login/", form, headers)
        guesses = stack.enter_context(asked_at_once(service, 8, *guess))
        wait_until(lambda: len(guesses) == 6)
        assert {one.status for one in guesses} == {503}
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
        # Guessers are not in the way of those who work.
        assert status(service, "GET", PAGE) == SHOWN
    # The form had no token: Django saw it, and refused it.
    assert sorted(one.status for one in guesses) == [403] * 2 + [503] * 6


@contextmanager
def locked_database(service):
    connection = sqlite3.connect(service.folder / "data" / "ctaopt.sqlite3", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def fresh_event():
    one = {"type": "conversion", "id": str(uuid4()), "visitor": "v-1", "goal": "signup"}
    return json.dumps({"events": [one | {"at": datetime.now(UTC).isoformat()}]})


class SentAtOnce:
    """Requests on connections that are open beforehand, so that all arrive in the same moment."""

    def __init__(self, service, n, body):
        head = f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
        self._request = f"{head}\r\n\r\n{body}".encode()
        self.sockets = [
            socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) for _ in range(n)
        ]

    def __enter__(self):
        for one in self.sockets:
            one.sendall(self._request)
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()

    def answered(self):
        """The connections on which an answer has come."""
        return select.select(self.sockets, [], [], 0)[0]

    @staticmethod
    def answers(sockets):
        """Status and content of each answer, waited for."""
        answers = [http.client.HTTPResponse(one) for one in sockets]
        for one in answers:
            one.begin()
        return [(one.status, one.read()) for one in answers]


def wait_for_free_places(service):
    """Return once as many requests as threads and places, all at once, are stored."""

    def are_free():
        with SentAtOnce(service, 24, fresh_event()) as requests:
            return all(status == 202 for status, _content in requests.answers(requests.sockets))

    wait_until(are_free)
    # A thread gives its place back a moment after its answer.
    sleep(1)


def refused_and_stored_while_locked(service):
    """Answers to 40 requests: while the database is locked, and then to the others.

    None if the lock was held for so long that those in the queue were refused as too late.
    """
    wait_for_free_places(service)
    with ExitStack() as stack:
        lock = stack.enter_context(ExitStack())
        requests = SentAtOnce(service, 40, fresh_event())
        lock.enter_context(locked_database(service))
        began = monotonic()
        stack.enter_context(requests)
        wait_until(lambda: len(requests.answered()) >= 16)
        check_hot_path(service)
        assert status(service, "GET", PAGE) == SHOWN
        refused = requests.answered()
        is_late = monotonic() - began > 0.8 * QUEUE_PATIENCE_S
        lock.close()
        stored = [one for one in requests.sockets if one not in refused]
        # Waited for in any case: the next try shall find every thread and place free.
        answers = requests.answers(refused), requests.answers(stored)
    return None if is_late else answers


def test_events_that_wait_for_a_lock_hold_up_no_evaluation(service):
    tries = (refused_and_stored_while_locked(service) for _ in range(5))
    # Four wait for the writer and twenty for a thread; the others are refused at once.
    refused, stored = next(one for one in tries if one is not None)
    statuses = [[status for status, _content in answers] for answers in (refused, stored)]
    assert statuses == [[503] * 16, [202] * 24], Counter(refused)


def front_worker_mb(service):
    """Return the resident memory of the worker that answers evaluations."""
    children = Path(f"/proc/{service.web.pid}/task/{service.web.pid}/children").read_text()
    (worker,) = set(map(int, children.split())) - set(django_processes(service))
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def test_requests_leave_nothing_behind(service):
    def evaluate(n):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_S)
        for _ in range(n):
            connection.request("POST", f"{OFREP}/hero-signup", BODY + " " * 20_000, HEADERS)
            assert connection.getresponse().read()
        connection.close()

    def press(n):
        # Thirty at once for four threads and twenty places: some wait, some are refused.
        for _ in range(n // 30):
            with asked_at_once(service, 30, "POST", EVENTS, '{"events": []}'):
                pass

    evaluate(300)
    press(300)
    before = front_worker_mb(service)
    evaluate(3_000)  # 60 MB of bodies.
    press(3_000)
    assert front_worker_mb(service) < before + 15


def test_django_that_dies_comes_back(service):
    for pid in django_processes(service):
        os.kill(pid, signal.SIGKILL)
    check_hot_path(service)
    assert status(service, "GET", PAGE) in {SHOWN, 503}
    wait_until(lambda: status(service, "GET", PAGE) == SHOWN)
    assert "it is started again" in service.log()


def test_late_body_is_given_up(tmp_path):
    service = LiveService(tmp_path, CTAOPT_BODY_TIMEOUT_S="1")
    try:
        for kind in ("evaluation", "chunks", "long"):
            with half_sent(service, HALVES[kind], n=3) as held:
                for one in held:
                    answer = one.recv(10_000)
                    assert answer.startswith(b"HTTP/1.1 408"), kind
                    assert b"connection: close" in answer.lower()
                    assert one.recv(10_000) == b""
        check_hot_path(service)
    finally:
        service.stop()


def test_service_that_is_still_loading_ends_when_asked(tmp_path):
    service = LiveService(tmp_path)
    began = monotonic()
    service.stop()
    # Not by the timeout after which a worker is killed.
    assert monotonic() - began < KILL_AFTER_S
    assert "Killing" not in service.log()
