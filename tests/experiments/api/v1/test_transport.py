import pytest

from tests import factories

pytestmark = pytest.mark.django_db
PATHS = ["/api/v1/experiments/", "/api/v1/experiments/none/", "/api/v1/nowhere/", "/api/v1/ctas/"]


@pytest.fixture
def key():
    return factories.make_server_key(factories.make_site())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", ["authorization", "x-api-key", None])
def test_answer_is_for_nobody_else_to_keep(client, key, path, header):
    value = f"Bearer {key}" if header == "authorization" else key
    answer = client.get(path, headers={header: value} if header else {})
    assert answer.headers["Cache-Control"] == "private, no-store"
    varies = {one.strip() for one in answer.headers["Vary"].split(",")}
    assert varies >= {"Authorization", "X-API-Key", "Cookie", "Accept-Language"}


def test_other_pages_say_for_themselves(client):
    assert "X-API-Key" not in client.get("/account/login/").headers.get("Vary", "")
    assert client.get("/api/schema/").headers.get("Cache-Control") != "private, no-store"


@pytest.fixture
def https(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_key_in_the_clear_is_refused_not_redirected(client, key, https, header):
    value = f"Bearer {key}" if header == "authorization" else key
    answer = client.get(PATHS[0], headers={header: value})
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "Send keys over HTTPS only, and replace this one.",
    }
    assert answer.headers["Cache-Control"] == "private, no-store"
    sent = {header: value, "x-forwarded-proto": "https"}
    assert client.get(PATHS[0], headers=sent).status_code == 200


def test_request_without_a_key_is_redirected(client, https):
    answer = client.get(PATHS[0])
    assert (answer.status_code, answer.headers["Location"][:8]) == (301, "https://")


def test_without_tls_a_key_is_taken(client, key):
    assert client.get(PATHS[0], headers={"x-api-key": key}).status_code == 200
