import logging

import pytest
from django.db import InterfaceError, OperationalError

from experiments.api.public import ofrep, payload, router
from experiments.api.public.http import RequestIds
from experiments.api.public.router import ROUTES, Edge
from experiments.selectors import serving
from experiments.services.serving import snapshot_store
from experiments.services.serving.snapshot_store import SnapshotStore
from tests.experiments.api.public.conftest import django_app
from tests.wsgi_client import WSGIClient, call

pytestmark = pytest.mark.on_both_databases

ONE = f"{ofrep.PREFIX}/hero"
PAYLOAD = f"{payload.PREFIX}/shop-client-key"
FOR_PAGES = [ONE, PAYLOAD, *(path for path, route in ROUTES.items() if route.is_for_pages)]
FOR_OPERATORS = ["/healthz", "/readyz", "/metrics"]


@pytest.mark.parametrize("path", ["/", "/admin/", "/api/v1/events/", "/ofrep/v1", "/é"])
def test_other_paths_go_to_django(browser, path):
    assert browser.get(path).body.decode() == path


def test_environ_without_a_path_goes_to_django(browser):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": ""}
    assert call(browser.app, environ).body == b""


def test_every_route_is_for_pages_or_operators():
    assert {ONE, PAYLOAD, *ROUTES} == {*FOR_PAGES, *FOR_OPERATORS}


@pytest.mark.parametrize("path", FOR_PAGES)
def test_preflight_is_answered_for_pages(browser, path):
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,if-none-match,x-api-key",
    }
    answer = browser.request("OPTIONS", path, headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert int(answer.headers["access-control-max-age"]) >= 600
    allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert allowed >= set(asked["Access-Control-Request-Headers"].split(","))
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", [*ROUTES, ONE, PAYLOAD])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "post"])
def test_other_methods_are_refused(browser, path, method):
    answer = call(browser.app, {"REQUEST_METHOD": method, "PATH_INFO": path})
    assert answer.status == 405
    assert ("OPTIONS" in answer.headers["allow"]) == (path in FOR_PAGES)


@pytest.mark.parametrize(
    "path", [PAYLOAD, *(path for path, route in ROUTES.items() if "GET" in route.methods)]
)
def test_head_is_get_without_a_body(browser, path, site, script):
    head, get = (browser.request(method, path) for method in ("HEAD", "GET"))
    assert (head.status, head.body, get.status) == (200, b"", 200)
    assert head.headers.keys() == get.headers.keys()
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", FOR_PAGES)
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("headers", [{}, {"Origin": "https://shop.example"}])
def test_every_answer_can_be_read_by_the_page(browser, script, path, method, headers):
    answer = browser.request(method, path, headers=headers)
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert set(exposed) >= {"ETag", "Retry-After"}


@pytest.mark.parametrize("path", FOR_OPERATORS)
def test_pages_elsewhere_learn_nothing_about_the_service(browser, site, path):
    origin = {"Origin": "https://shop.example"}
    assert "access-control-allow-origin" not in browser.get(path, headers=origin).headers
    assert browser.request("OPTIONS", path, headers=origin).status == 405


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_silent_database_at_the_start_gives_503(browser, monkeypatch, caplog, error):
    def silent():
        raise error("connection refused")

    monkeypatch.setattr(serving, "config_revision", silent)
    answer = browser.post(ONE, {"context": {"targetingKey": "v"}})
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["errorCode"] == "GENERAL"
    assert "connection refused" in caplog.text
    assert "connection refused" not in answer.body.decode()


@pytest.mark.parametrize("path", ["/readyz", "/api/v1/events"])
def test_broken_connections_are_not_kept_for_the_next_request(browser, slot, monkeypatch, path):
    closed = []
    monkeypatch.setattr(router, "close_old_connections", lambda: closed.append(path))
    browser.request(ROUTES[path].methods[0], path)
    assert closed == [path]


@pytest.mark.parametrize("path", [ONE, PAYLOAD])
def test_serving_looks_at_no_connection_while_the_snapshot_is_fresh(site, monkeypatch, path):
    browser = WSGIClient(Edge(django_app, SnapshotStore(max_age_s=3600.0)), key=site.client_key)
    method = "GET" if path == PAYLOAD else "POST"
    closed = []
    monkeypatch.setattr(router, "close_old_connections", lambda: closed.append("edge"))
    monkeypatch.setattr(snapshot_store, "close_old_connections", lambda: closed.append("store"))
    for _ in range(3):
        browser.request(method, path)
    assert closed == ["store"]


@pytest.mark.parametrize("given", ["r-1", None])
def test_answers_have_the_id_that_log_lines_of_their_thread_have(site, given):
    logged = []
    ids = RequestIds(new=lambda came: came or "made", set=logged.append)
    app = Edge(django_app, SnapshotStore(max_age_s=3600.0), request_ids=ids)
    browser = WSGIClient(app, key=site.client_key)
    headers = {"X-Request-ID": given} if given else {}
    answers = [
        browser.request(method, path, headers=headers)
        for method, path in (("GET", PAYLOAD), ("POST", ONE), ("PUT", ONE))
    ]
    assert [answer.headers["x-request-id"] for answer in answers] == [given or "made"] * 3
    assert logged == [given or "made"] * 3


def test_answers_without_ids_have_no_such_header(browser):
    assert "x-request-id" not in browser.get("/healthz").headers


def test_fault_of_ours_is_logged_and_says_nothing_about_itself(browser, monkeypatch, caplog):
    def broken():
        raise KeyError("a secret detail")

    monkeypatch.setattr(serving, "config_revision", broken)
    with caplog.at_level(logging.ERROR):
        answer = browser.post(ONE, {"context": {"targetingKey": "v"}})
    assert answer.status == 500
    assert "a secret detail" in caplog.text
    assert "secret" not in answer.body.decode()
    assert answer.headers["access-control-allow-origin"] == "*"


def test_snapshot_is_shared_by_the_requests_of_a_process(site, django_assert_num_queries):
    browser = WSGIClient(Edge(django_app, SnapshotStore(max_age_s=3600.0)), key=site.client_key)
    browser.post(ofrep.PREFIX, {"context": {"targetingKey": "v"}})
    with django_assert_num_queries(0):
        answer = browser.post(ofrep.PREFIX, {"context": {"targetingKey": "v"}})
    assert answer.status == 200
