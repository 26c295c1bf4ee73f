import socket
from pathlib import Path

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from ctaopt.settings import cache as settings_of_cache
from ctaopt.settings.cache import cache
from experiments.selectors import access


@pytest.fixture
def asker(db):
    return Client(headers={"X-API-Key": "any"}, raise_request_exception=False)


def failing(error):
    def fail(**_):
        raise error

    return fail


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")], ids=repr)
def test_silent_database_is_503_with_a_problem(asker, monkeypatch, error):
    monkeypatch.setattr(access, "server_key_of", failing(error))
    answer = asker.get("/api/v1/experiments/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Service Unavailable"


@pytest.fixture
def cache_away(settings):
    """A cache of counters that nobody answers for."""
    settings.CACHES = {"default": cache("redis://127.0.0.1:1/0", folder=Path())}


def test_nobody_logs_in_while_attempts_cannot_be_counted(client, admin_user, cache_away):
    client.raise_request_exception = False
    sent = {"login": "admin", "password": "password"}
    answer = client.post("/account/login/", sent)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Redis" in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("page", ["/admin/", "/account/2fa/", "/admin/experiments/experiment/"])
def test_who_is_logged_in_goes_on_while_the_cache_is_away(admin_client, cache_away, page):
    assert admin_client.get(page).status_code == 200


def test_cache_that_hangs_is_given_up(client, admin_user, settings, monkeypatch):
    monkeypatch.setattr(settings_of_cache, "TIMEOUT_S", 0.2)
    client.raise_request_exception = False
    # Connections to it are taken, and nobody reads them.
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        address = f"redis://127.0.0.1:{hanging.getsockname()[1]}/0"
        settings.CACHES = {"default": cache(address, folder=Path())}
        answer = client.post("/account/login/", {"login": "admin", "password": "password"})
    assert answer.status_code == 503


def test_fault_of_ours_is_a_problem_without_its_cause(asker, monkeypatch):
    monkeypatch.setattr(access, "server_key_of", failing(KeyError("inner secret")))
    answer = asker.get("/api/v1/experiments/")
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "inner secret" not in answer.content.decode()
    assert "Retry-After" not in answer.headers


def test_unknown_address_below_the_api_is_a_problem(asker):
    answer = asker.get("/api/v1/no-such-thing/")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "There is nothing at this address.",
    )


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/"),
        ("application/json", "application/problem+json"),
        ("application/json, text/html;q=0.1", "application/problem+json"),
        ("*/*", "text/"),
        ("", "text/"),
    ],
)
def test_people_get_pages_and_programs_problems(admin_client, accept, kind):
    headers = {"Accept": accept} if accept else {}
    answer = admin_client.get("/no-such-page/", headers=headers)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith(kind)


def test_person_reads_that_the_database_is_silent(client, db, monkeypatch):
    def gone(*_, **__):
        raise OperationalError("server closed the connection")

    client.raise_request_exception = False
    client.cookies["sessionid"] = "a" * 32
    with monkeypatch.context() as patch:
        patch.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
        answer = client.get("/admin/", headers={"Accept-Language": "fr"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "La base de données ne répond pas" in answer.content.decode()


def test_host_that_is_not_ours_is_a_problem_for_programs(asker):
    answer = asker.get("/api/v1/experiments/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
