import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from experiments.models import AccessRecord, ServerKey
from experiments.services.catalogue.server_keys import server_key_digest
from tests import factories
from tests.factories import NOW

ADD = reverse("admin:experiments_serverkey_add")
LIST = reverse("admin:experiments_serverkey_changelist")
SECRET = re.compile(r'id="server-key">(ctaopt_[\w-]{43})<')


def add_form(site, **changes):
    return {"site": site.pk, "name": "crm", "scopes": ["read", "erase"], "days": "30"} | changes


def url(step, key):
    return reverse(f"admin:experiments_serverkey_{step}", args=[key.pk])


def stored_anywhere(client, secret):
    """The secret, if the browser or the server keeps it."""
    cookies = "".join(morsel.OutputString() for morsel in client.cookies.values())
    return secret in cookies or secret in str(dict(client.session))


def test_new_key_is_shown_once_on_the_answer_itself(admin_client, site):
    answer = admin_client.post(ADD, add_form(site))
    (secret,) = SECRET.findall(answer.content.decode())
    key = ServerKey.objects.get()
    assert key.digest == server_key_digest(secret)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "messages" not in answer.cookies
    assert not stored_anywhere(admin_client, secret)
    for page in (LIST, url("change", key), reverse("admin:index")):
        assert secret not in admin_client.get(page).content.decode()


def test_new_key_has_its_scopes_end_and_author(admin_client, site, owner):
    before = timezone.now()
    admin_client.post(ADD, add_form(site))
    key = ServerKey.objects.get()
    assert (key.scopes, key.created_by) == (["read", "erase"], owner)
    assert timedelta(0) <= key.expires_at - (before + timedelta(days=30)) < timedelta(minutes=1)


def test_page_that_is_sent_again_makes_no_second_key(admin_client, site):
    admin_client.post(ADD, add_form(site))
    again = admin_client.post(ADD, add_form(site))
    assert "The site has a valid key of this name." in again.content.decode()
    assert ServerKey.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"scopes": []}, {"scopes": ["all"]}, {"days": "0"}, {"days": "1e9"}, {"name": ""}],
    ids=str,
)
def test_key_without_a_sensible_grant_is_not_made(admin_client, site, changes):
    assert admin_client.post(ADD, add_form(site, **changes)).status_code == 200
    assert not ServerKey.objects.exists()


def test_key_is_rotated_with_an_overlap(admin_client, site):
    factories.make_server_key(site)
    old = ServerKey.objects.get()
    assert "Rotate backend" in admin_client.get(url("rotate", old)).content.decode()
    answer = admin_client.post(url("rotate", old), {"overlap": "7", "days": ""})
    (secret,) = SECRET.findall(answer.content.decode())
    assert not stored_anywhere(admin_client, secret)
    for key in ("shop-server-key", secret):
        client = Client(headers={"X-API-Key": key})
        assert client.get("/api/v1/experiments/").status_code == 200
    again = admin_client.post(url("rotate", old), {"overlap": "7", "days": ""})
    assert "has a successor already" in again.content.decode()
    assert ServerKey.objects.count() == 2


@pytest.mark.parametrize("overlap", ["-1", "366", "x", ""])
def test_overlap_is_up_to_a_year(admin_client, site, overlap):
    factories.make_server_key(site)
    admin_client.post(url("rotate", ServerKey.objects.get()), {"overlap": overlap})
    assert ServerKey.objects.count() == 1


def test_key_is_revoked_with_a_reason(admin_client, site, owner):
    factories.make_server_key(site)
    key = ServerKey.objects.get()
    assert admin_client.post(url("revoke", key), {"reason": ""}).status_code == 200
    assert ServerKey.objects.get().revoked_at is None
    assert admin_client.post(url("revoke", key), {"reason": "leaked"}).status_code == 302
    key.refresh_from_db()
    assert (key.revoked_at is not None, key.revocation_reason) == (True, "leaked")
    assert AccessRecord.objects.get().author == owner


def test_action_asks_for_the_reason_and_revokes(admin_client, site):
    factories.make_server_key(site)
    chosen = {"action": "revoke", "_selected_action": [ServerKey.objects.get().pk]}
    asked = admin_client.post(LIST, chosen)
    assert 'name="reason"' in asked.content.decode()
    assert ServerKey.objects.get().revoked_at is None
    admin_client.post(LIST, chosen | {"reason": "staff left"})
    assert ServerKey.objects.get().revocation_reason == "staff left"


def test_list_shows_state_scopes_and_last_use(admin_client, site):
    factories.make_server_key(site, "a", name="old", revoked_at=NOW)
    factories.make_server_key(site, "b", name="ended", expires_at=NOW - timedelta(days=9_000))
    factories.make_server_key(site, "c", name="reports", scopes=["read"], last_used_at=NOW)
    page = admin_client.get(LIST).content.decode()
    for text in ("revoked", "expired", "valid", "22 Nov 2026"):
        assert text in page
    rotate = [url("rotate", key) for key in ServerKey.objects.order_by("prefix")]
    assert [one in page for one in rotate] == [False, False, True]


def test_list_and_first_page_warn_of_a_key_that_ends_soon(admin_client, viewer_client, site):
    ends_at = timezone.now() + timedelta(days=3)
    factories.make_server_key(site, expires_at=ends_at, last_used_at=NOW)
    for page in (LIST, reverse("admin:index")):
        assert "is in use and expires on" in admin_client.get(page).content.decode()
    # A viewer sees no keys, and can do nothing.
    assert "expires on" not in viewer_client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("by", ["page", "action"])
def test_deletion_is_logged_by_name(admin_client, site, by):
    factories.make_server_key(site)
    key = ServerKey.objects.get()
    if by == "page":
        admin_client.post(url("delete", key), {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"}
        admin_client.post(LIST, chosen)
    assert not ServerKey.objects.exists()
    record = AccessRecord.objects.get()
    assert (record.kind, record.key) == ("key_deleted", "backend (shop-server-…)")
