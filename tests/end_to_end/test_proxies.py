"""The documented configurations of nginx and Caddy: the real programs in front of the service."""

import http.client
import json
import re
import socket
import sqlite3
import ssl
from contextlib import closing
from urllib.parse import urlencode

import pytest

from tests.end_to_end.proxies import (
    Caddy,
    Certificate,
    Installation,
    Nginx,
    free_ports,
    is_installed,
)
from tests.missing import leave_out

pytestmark = pytest.mark.slow

EVALUATION = "/ofrep/v1/evaluate/flags/hero"
VISITOR = json.dumps({"context": {"targetingKey": "v-1"}})
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", params=[Nginx, Caddy], ids=["nginx", "caddy"])
def kind(request):
    if not is_installed(request.param):
        leave_out(f"no {request.param.program} (Debian package {request.param.package})")
    return request.param


class Front:
    """A proxy with an installation behind it, or with nothing."""

    def __init__(self, kind, folder, *, is_alone=False, **changes):
        self.ports = free_ports()
        certificate = Certificate(folder)
        self.context = ssl.create_default_context(cafile=certificate.certificate)
        self.installation = None if is_alone else Installation(folder, self.ports[1])
        self.proxy = kind(folder, self.ports, certificate, folder / "web.socket", **changes)

    def stop(self):
        self.proxy.process.terminate()
        self.proxy.process.wait(timeout=240)
        if self.installation:
            self.installation.stop()

    def ask(self, method, path, body=None, *, tls=True, **headers):
        if tls:
            connection = http.client.HTTPSConnection(
                "localhost", self.ports[1], context=self.context, timeout=30
            )
        else:
            connection = http.client.HTTPConnection("localhost", self.ports[0], timeout=30)
        with closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def rows(self, query):
        with closing(sqlite3.connect(self.installation.database)) as database:
            return database.execute(query).fetchall()


@pytest.fixture(scope="module")
def front(kind, tmp_path_factory):
    front = Front(kind, tmp_path_factory.mktemp("proxy"))
    yield front
    front.stop()


def log_in(front, password, **headers):
    _, sent, page = front.ask("GET", "/account/login/")
    cookie = sent["Set-Cookie"].partition(";")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    form = {"csrfmiddlewaretoken": token, "login": "ada", "password": password}
    headers |= {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    headers |= {"Origin": f"https://localhost:{front.ports[1]}"}
    return front.ask("POST", "/account/login/", urlencode(form), **headers)


def test_clear_address_leads_once_to_the_page(front):
    status, headers, _ = front.ask("GET", "/account/login/?next=/admin/", tls=False)
    where = f"https://localhost:{front.ports[1]}"
    assert (status, headers["Location"]) == (301, f"{where}/account/login/?next=/admin/")
    status, headers, page = front.ask("GET", "/account/login/?next=/admin/")
    assert (status, 'name="password"' in page) == (200, True)


@pytest.mark.parametrize("path", ["/account/login/", "/cta.js", "/healthz", "/api/v1/experiments/"])
def test_browser_is_told_to_come_by_https(front, path):
    _, headers, _ = front.ask("GET", path)
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_person_logs_in_with_cookies_for_tls_only(front):
    status, headers, _ = log_in(front, "correct horse battery")
    assert (status, headers["Location"]) == (302, "/admin/")
    cookies = headers.get_all("Set-Cookie")
    assert cookies
    assert all("Secure" in cookie for cookie in cookies)


def test_address_that_the_proxy_saw_counts_not_one_that_was_sent(front):
    log_in(front, "wrong", **{"X-Forwarded-For": "192.0.2.66"})
    kinds = front.rows("SELECT address FROM accounts_loginrecord WHERE kind = 'failure'")
    assert set(kinds) == {("127.0.0.1",)}


def test_key_is_taken_over_tls_and_refused_in_the_clear(front):
    key = {"Authorization": "Bearer shop-server-key", **JSON}
    status, _, body = front.ask("POST", EVALUATION, VISITOR, **key)
    assert (status, json.loads(body)["key"]) == (200, "hero")
    for path in (EVALUATION, "/api/v1/experiments/"):
        for name in ("Authorization", "X-API-Key"):
            sent = {name: "shop-server-key", **JSON}
            assert front.ask("POST", path, VISITOR, tls=False, **sent)[0] == 403


def test_claim_to_have_come_by_tls_is_not_believed(front):
    forged = {"X-Forwarded-Proto": "https", **JSON}
    assert front.ask("GET", "/account/login/", tls=False, **forged)[0] == 301
    forged = {"X-Forwarded-Proto": "http", "Authorization": "Bearer shop-server-key", **JSON}
    assert front.ask("POST", EVALUATION, VISITOR, **forged)[0] == 200


def test_other_host_is_refused(front):
    status, _, _ = front.ask("GET", "/account/login/", Host="evil.example")
    # nginx has one server, Caddy answers an unknown host with nothing.
    assert status == 400 or front.ask("GET", "/admin/", Host="evil.example")[2] == ""


def test_slow_senders_hold_nobody_up(front):
    """More half-sent bodies than the service has threads."""
    key = {"Authorization": "Bearer shop-client-key", **JSON}
    slow = [half_sent(front) for _ in range(12)]
    try:
        for _ in range(5):
            assert front.ask("POST", EVALUATION, VISITOR, **key)[0] == 200
        # nginx keeps them to itself, Caddy hands them on and cuts them off.
        assert isinstance(front.proxy, Caddy) or all(is_open(sender) for sender in slow)
    finally:
        for sender in slow:
            sender.close()


def half_sent(front):
    plain = socket.create_connection(("127.0.0.1", front.ports[1]), timeout=30)
    sender = front.context.wrap_socket(plain, server_hostname="localhost")
    sender.sendall(
        b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nlogin=a"
    )
    return sender


def is_open(sender):
    sender.setblocking(False)
    try:
        return bool(sender.recv(1))
    except ssl.SSLWantReadError:
        return True


def test_too_large_a_body_ends_at_the_proxy(front):
    try:
        status = front.ask("POST", "/api/v1/analyze", b"x" * (21 << 20), **JSON)[0]
    except (ssl.SSLError, ConnectionError):  # Cut off in the middle.
        status = 413
    assert status == 413
    assert front.ask("GET", "/healthz")[0] == 200


OWN_NETWORK = {
    Nginx: {"allow 127.0.0.1;": "allow 192.0.2.1;"},
    Caddy: {"not remote_ip 127.0.0.1 ": "not remote_ip 192.0.2.1 "},
}


def test_metrics_are_for_the_own_network(front, kind, tmp_path):
    assert front.ask("GET", "/metrics")[0] == 200
    elsewhere = Front(kind, tmp_path, is_alone=True, **OWN_NETWORK[kind])
    try:
        assert [elsewhere.ask("GET", path)[0] for path in ("/metrics", "/readyz")] == [403, 403]
        assert elsewhere.ask("GET", "/healthz")[0] == 502
    finally:
        elsewhere.stop()
