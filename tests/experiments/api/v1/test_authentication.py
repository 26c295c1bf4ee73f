from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from experiments.api.v1 import authentication
from experiments.models import Experiment, ServerKey
from experiments.services.catalogue.key_use import KeyUses
from tests import factories
from tests.factories import NOW

EXPERIMENTS = "/api/v1/experiments/"


def keys_of(response):
    return [row["key"] for row in response.json()["results"]]


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_server_key_opens_its_site_in_either_header(running_experiment, server_key, header):
    value = f"Bearer {server_key}" if header == "Authorization" else server_key
    response = Client(headers={header: value}).get(EXPERIMENTS)
    assert (response.status_code, keys_of(response)) == (200, ["hero-test"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer unknown"},
        {"Authorization": "Bearer é"},
        {"Authorization": "Bearer shop-client-key"},
        {"X-API-Key": "shop-client-key"},
        {"Authorization": "Basic b3duZXI6b3duZXI="},
    ],
    ids=lambda headers: str(headers)[:40],
)
def test_without_a_valid_server_key_nothing_opens(running_experiment, server_key, headers):
    response = Client(headers=headers).get(EXPERIMENTS)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_revoked_key_opens_nothing(server, running_experiment):
    assert server.get(EXPERIMENTS).status_code == 200
    ServerKey.objects.update(revoked_at=NOW)
    assert server.get(EXPERIMENTS).status_code == 401


SHUT = {
    "unknown": (None, "The server key is unknown."),
    "revoked": ({"revoked_at": NOW}, "The server key revoked: 2026-11-22 12:00 UTC."),
    "expired": ({"expires_at": NOW}, "The server key expired: 2026-11-22 12:00 UTC."),
}


@pytest.mark.parametrize("state", SHUT)
def test_key_that_opens_nothing_is_told_why_at_the_same_cost(
    site, running_experiment, state, django_assert_num_queries
):
    changes, reason = SHUT[state]
    if changes is not None:
        factories.make_server_key(site, **changes)
    client = Client(headers={"X-API-Key": "shop-server-key"})
    with django_assert_num_queries(1):
        answer = client.get(EXPERIMENTS)
    assert (answer.status_code, answer.json()["detail"]) == (401, reason)


def test_missing_scope_is_named_at_the_same_cost(
    site, running_experiment, django_assert_num_queries
):
    factories.make_server_key(site, scopes=["erase"])
    client = Client(headers={"X-API-Key": "shop-server-key"})
    with django_assert_num_queries(1):
        answer = client.get(EXPERIMENTS)
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "The server key lacks the scope “read”.",
    )


def test_key_opens_until_it_expires(site, running_experiment):
    factories.make_server_key(site, expires_at=timezone.now() + timedelta(hours=1))
    client = Client(headers={"X-API-Key": "shop-server-key"})
    assert client.get(EXPERIMENTS).status_code == 200


def test_use_is_noted_and_not_written(server, server_key, running_experiment, monkeypatch):
    uses = KeyUses(period_s=0.0)
    monkeypatch.setattr(authentication, "key_uses", uses)
    server.get(EXPERIMENTS)
    assert ServerKey.objects.get().last_used_at is None
    uses.write()
    assert ServerKey.objects.get().last_used_at is not None


@pytest.mark.parametrize(("is_demo", "status"), [(True, 200), (False, 401)])
def test_published_server_key_is_for_the_demo(site, settings, is_demo, status):
    settings.CTAOPT_DEMO = is_demo
    key = factories.make_server_key(site, "demo-server-key")
    assert Client(headers={"X-API-Key": key}).get(EXPERIMENTS).status_code == status


def test_stranger_is_refused(stranger, running_experiment):
    client = Client()
    client.force_login(stranger)
    assert client.get(EXPERIMENTS).status_code == 403


def test_staff_read_what_they_may_view(viewer_client, running_experiment):
    assert viewer_client.get(EXPERIMENTS).status_code == 200
    assert viewer_client.get(f"{EXPERIMENTS}hero-test/report/").status_code == 200


def test_permissions_of_before_the_roles_open_nothing(client, stranger, running_experiment):
    stranger.is_staff = True
    stranger.save()
    stranger.user_permissions.add(Permission.objects.get(codename="view_experiment"))
    client.force_login(stranger)
    assert client.get(EXPERIMENTS).status_code == 403


def test_staff_without_the_right_to_change_start_and_stop_nothing(
    viewer_client, running_experiment
):
    stopped = viewer_client.post(f"{EXPERIMENTS}hero-test/stop/", content_type="application/json")
    assert stopped.status_code == 403
    assert Experiment.objects.get().status == Experiment.Status.RUNNING


def test_analysis_of_own_numbers_is_open_to_members(viewer_client, visitor, client, stranger):
    arms = [{"name": "a", "n": 100, "sum": 5}, {"name": "b", "n": 100, "sum": 9}]
    sent = {"data": {"metric": "proportion", "arms": arms}, "content_type": "application/json"}
    assert viewer_client.post("/api/v1/analyze", **sent).status_code == 200
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert client.post("/api/v1/analyze", **sent).status_code == 403
    assert visitor.post("/api/v1/analyze", **sent).status_code == 401


def test_owner_sees_every_site(owner, running_experiment, other_site):
    factories.make_running_experiment(factories.make_slot(other_site), "rival-test")
    client = Client()
    client.force_login(owner)
    assert set(keys_of(client.get(EXPERIMENTS))) == {"hero-test", "rival-test"}


def test_log_in_alone_does_not_let_other_pages_write(owner, running_experiment):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(f"{EXPERIMENTS}hero-test/stop/").status_code == 403
    assert Experiment.objects.get().status == Experiment.Status.RUNNING


def test_view_that_names_no_permission_is_closed(owner):
    """Default deny, for a view that somebody adds and forgets to think of."""
    closed = type("Forgotten", (APIView,), {"get": lambda self, request: Response({})})
    request = APIRequestFactory().get("/")
    force_authenticate(request, user=owner)
    assert closed.as_view()(request).status_code == 403
