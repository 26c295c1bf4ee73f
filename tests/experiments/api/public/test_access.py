import pytest

from experiments.api.front.scope_request import ScopeRequest
from experiments.api.public import access
from experiments.api.public.access import network_of, site_of
from experiments.api.public.http import RefusedError, Request
from experiments.services.catalogue.key_use import KeyUses
from experiments.services.catalogue.server_keys import server_key_digest
from experiments.services.serving.snapshot import ServedKey, Snapshot
from tests.experiments.api.front.rsgi import scope
from tests.factories import served_site

pytestmark = pytest.mark.on_both_databases

SITE = served_site(client_key="publishable", allowed_origins=frozenset({"https://shop.example"}))
SNAPSHOT = Snapshot(revision=1, client_keys={"publishable": SITE}, server_key_digests={})


def request(**environ):
    return Request(method="POST", path="/", query="", environ=environ)


def test_header_key_wins_over_one_in_the_address():
    asked = request(HTTP_X_API_KEY="unknown")
    with pytest.raises(RefusedError) as refused:
        site_of(asked, SNAPSHOT, client_key="publishable")
    assert (refused.value.status, refused.value.code) == (401, "")


@pytest.mark.parametrize("origin", [{}, {"HTTP_ORIGIN": "https://shop.example"}])
def test_server_without_origin_and_allowed_page_get_in(origin):
    assert site_of(request(HTTP_X_API_KEY="publishable", **origin), SNAPSHOT) is SITE


def test_page_elsewhere_is_refused():
    asked = request(HTTP_X_API_KEY="publishable", HTTP_ORIGIN="https://evil.example")
    with pytest.raises(RefusedError) as refused:
        site_of(asked, SNAPSHOT)
    assert refused.value.status == 403


SECRET = "backend-secret"  # noqa: S105
SERVED = Snapshot(
    revision=1,
    client_keys={"publishable": SITE, "old-page": SITE},
    server_key_digests={
        server_key_digest(SECRET): ServedKey(pk=7, site=SITE, scopes=frozenset({"read"}))
    },
    closed={server_key_digest("gone"): "revoked", "older-page": "expired"},
)


@pytest.fixture(autouse=True)
def uses(monkeypatch):
    """Uses of keys that were noted by the test."""
    own = KeyUses(period_s=0.0)
    monkeypatch.setattr(access, "key_uses", own)
    return own


def refusal(key, *, scope="read", client_key=""):
    with pytest.raises(RefusedError) as refused:
        site_of(request(HTTP_X_API_KEY=key), SERVED, client_key=client_key, scope=scope)
    return refused.value.status, dict(refused.value.headers)["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [("gone", "revoked"), ("older-page", "expired"), ("made-up", "unknown")],
)
def test_key_that_opens_nothing_is_told_why(key, reason, uses):
    told = f'Bearer error="invalid_token", error_description="{reason} key"'
    assert refusal(key) == (401, told)
    assert uses._moments == {}


def test_old_page_whose_key_stands_in_the_address_is_told_why():
    assert "expired key" in refusal("", client_key="older-page")[1]


def test_secret_in_an_address_opens_nothing():
    assert "unknown key" in refusal("", client_key=SECRET)[1]


def test_server_key_without_the_scope_is_told_which(uses):
    assert refusal(SECRET, scope="write") == (
        403,
        'Bearer error="insufficient_scope", scope="write"',
    )
    assert site_of(request(HTTP_X_API_KEY=SECRET), SERVED) is SITE


@pytest.mark.parametrize(
    ("key", "noted"), [(SECRET, {7}), ("old-page", {"old-page"}), ("publishable", set())]
)
def test_use_is_noted_of_keys_that_may_be_given_up(key, noted, uses):
    site_of(request(HTTP_X_API_KEY=key), SERVED)
    assert set(uses._moments) == noted


@pytest.fixture
def https(settings):
    settings.SECURE_SSL_REDIRECT = True


def test_secret_in_the_clear_is_refused(https):
    asked = request(HTTP_X_API_KEY=SECRET, HTTP_X_FORWARDED_PROTO="http")
    with pytest.raises(RefusedError) as refused:
        site_of(asked, SERVED)
    assert refused.value.status == 403
    assert "send keys over HTTPS only" in dict(refused.value.headers)["WWW-Authenticate"]


@pytest.mark.parametrize(
    "environ", [{"HTTP_X_FORWARDED_PROTO": "https"}, {"wsgi.url_scheme": "https"}]
)
def test_secret_over_tls_is_taken_without_a_word(https, environ, caplog):
    assert site_of(request(HTTP_X_API_KEY=SECRET, **environ), SERVED) is SITE
    assert caplog.records == []


def test_secret_over_tls_to_the_front_is_taken_without_a_word(https, caplog):
    asked = ScopeRequest(scope(headers={"X-API-Key": SECRET}, scheme="https"))
    assert site_of(asked, SERVED) is SITE
    assert caplog.records == []


def test_secret_past_the_proxy_is_taken_and_named(https, caplog):
    asked = request(HTTP_X_API_KEY=SECRET, **{"wsgi.url_scheme": "http"})
    assert site_of(asked, SERVED) is SITE
    assert "X-Forwarded-Proto" in caplog.text


def test_page_s_key_is_no_secret(https):
    asked = request(HTTP_X_API_KEY="publishable", HTTP_X_FORWARDED_PROTO="http")
    assert site_of(asked, SERVED) is SITE


@pytest.mark.parametrize(
    "asked",
    [request(REMOTE_ADDR="10.0.0.1"), ScopeRequest(scope(client="10.0.0.1:50000"))],
    ids=["wsgi", "rsgi"],
)
def test_own_network_that_no_proxy_named_is_no_sender(settings, asked):
    settings.CTAOPT_PROXIES = 1
    assert network_of(asked) is None
