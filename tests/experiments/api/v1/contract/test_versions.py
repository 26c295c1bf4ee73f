from datetime import UTC, datetime

import pytest

from experiments.api.v1.contract import versions
from experiments.api.v1.contract.versions import VERSION, Deprecation


@pytest.mark.parametrize(
    ("path", "status"),
    [("ctas/", 200), ("ctas/0/", 404), ("no-such/", 404), ("ctas/?limit=0", 400)],
)
def test_every_answer_names_the_version(server, path, status):
    answer = server.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["API-Version"]) == (status, VERSION)


def test_refusal_without_a_key_names_it_and_other_pages_do_not(visitor):
    assert visitor.get("/api/v1/ctas/").headers["API-Version"] == VERSION
    assert "API-Version" not in visitor.get("/admin/login/").headers


@pytest.mark.parametrize(("headers", "status"), [({}, 301), ({"X-API-Key": "any"}, 403)])
def test_answer_of_a_layer_before_the_views_names_it(visitor, settings, headers, status):
    settings.SECURE_SSL_REDIRECT = True
    answer = visitor.get("/api/v1/ctas/", headers=headers)
    assert (answer.status_code, answer.headers["API-Version"]) == (status, VERSION)


def test_deprecated_route_says_when_it_goes_and_what_comes(server, monkeypatch):
    gone = Deprecation(
        since=datetime(2027, 1, 1, tzinfo=UTC),
        sunset=datetime(2027, 7, 1, tzinfo=UTC),
        link="/api/docs/#slots",
    )
    monkeypatch.setattr(versions, "DEPRECATED", {"slot-list": gone})
    headers = server.get("/api/v1/slots/").headers
    assert headers["Deprecation"] == "@1798761600"
    assert headers["Sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
    assert headers["Link"] == '</api/docs/#slots>; rel="deprecation"'
    assert "Sunset" not in server.get("/api/v1/ctas/").headers


@pytest.mark.parametrize("path", ["visitors/v-1", "visitors/v-1/"])
def test_either_spelling_of_a_deprecated_address_says_so(server, monkeypatch, path):
    gone = Deprecation(
        since=datetime(2027, 1, 1, tzinfo=UTC), sunset=datetime(2027, 7, 1, tzinfo=UTC), link="/"
    )
    monkeypatch.setattr(versions, "DEPRECATED", {"visitor": gone})
    assert "Sunset" in server.get(f"/api/v1/{path}").headers


def test_deprecated_routes_exist_and_live_for_six_months():
    from ctaopt.urls import urlpatterns  # noqa: PLC0415  loads every page
    from tests.experiments.test_route_permissions import walk  # noqa: PLC0415

    names = {name for _, name in walk(urlpatterns)}
    for name, gone in versions.DEPRECATED.items():
        assert name in names
        assert (gone.sunset - gone.since).days >= 180
