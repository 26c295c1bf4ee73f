"""The way in, through the pages: password, second factor, limits, and no side door."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import LogInRecord
from tests.accounts.conftest import PASSWORD, add_totp, code_of, is_logged_in, log_in

pytestmark = pytest.mark.django_db


def test_password_alone_opens_an_account_without_second_factor(ada, client):
    assert log_in(client).headers["Location"] == "/admin/"
    assert is_logged_in(client)


def test_second_factor_is_asked_for_after_the_password(ada, client):
    secret = add_totp(ada)
    assert log_in(client).headers["Location"] == "/account/2fa/authenticate/"
    assert not is_logged_in(client)
    wrong = client.post("/account/2fa/authenticate/", {"code": "000000"})
    assert "Incorrect code." in wrong.content.decode()
    assert not is_logged_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_logged_in(client)


def test_code_opens_once(ada):
    secret = add_totp(ada)
    code = code_of(secret)
    for opens in (True, False):
        client = Client()
        log_in(client)
        client.post("/account/2fa/authenticate/", {"code": code})
        assert is_logged_in(client) is opens


def test_set_up_asks_for_the_password_and_gives_recovery_codes(ada, client):
    log_in(client)
    page = client.get("/account/2fa/totp/activate/", follow=True)
    assert page.redirect_chain[0][0].startswith("/account/reauthenticate/")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert "data:image/svg+xml" in page.content.decode()
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    codes = re.findall(r"\b\d{8}\b", client.get("/account/2fa/recovery-codes/").content.decode())
    assert len(codes) == 10
    phone_lost = Client()
    for opens in (True, False):  # Once only.
        log_in(phone_lost)
        phone_lost.post("/account/2fa/authenticate/", {"code": codes[0]})
        assert is_logged_in(phone_lost) is opens
        phone_lost.logout()


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/login/?next=/admin/auth/user/"])
def test_admin_has_no_log_in_of_its_own(ada, client, path):
    add_totp(ada)
    sent = {"username": "ada", "password": PASSWORD, "next": "/admin/"}
    assert client.get(path).headers["Location"].startswith("/account/login/?next=")
    assert client.post(path, sent).headers["Location"].startswith("/account/login/?next=")
    assert not is_logged_in(client)


def test_page_is_reached_after_the_log_in_that_it_asked_for(ada, client):
    page = client.get("/admin/auth/user/", follow=True)
    target = page.context["redirect_field_value"]
    sent = {"login": "ada", "password": PASSWORD, "next": target}
    assert client.post("/account/login/", sent, follow=True).status_code == 200
    elsewhere = {**sent, "next": "//evil.example/x"}
    answer = Client().post("/account/login/", elsewhere)
    assert answer.headers["Location"] == "/admin/"


@pytest.mark.parametrize("path", ["signup/", "email/", "password/reset/", "confirm-email/x/"])
def test_nobody_signs_up_and_no_mail_is_sent(ada, client, path):
    assert client.get(f"/account/{path}").status_code == 404


def test_name_is_locked_after_five_failures_whatever_the_address(ada):
    for number in range(5):
        log_in(Client(), password="wrong", REMOTE_ADDR=f"198.51.100.{number}")
    right = log_in(Client(), REMOTE_ADDR="198.51.100.99")
    assert "Too many failed login attempts" in right.content.decode()
    assert LogInRecord.objects.filter(kind="lock_out", user=ada).count() == 1


def test_address_is_locked_after_ten_failures_whatever_the_name(ada, client):
    for number in range(10):
        log_in(client, name=f"guess-{number}", password="wrong")
    assert "Too many failed login attempts" in log_in(client).content.decode()
    assert is_logged_in_from(client, "198.51.100.7")


def is_logged_in_from(client, address):
    return log_in(client, REMOTE_ADDR=address).status_code == 302


def test_success_does_not_reset_the_failures_of_a_guesser(ada):
    """A guesser with an account of their own would go on for ever."""
    for _ in range(2):
        for _ in range(2):
            log_in(Client(), password="wrong")
        assert log_in(Client()).status_code == 302
    log_in(Client(), password="wrong")
    assert log_in(Client()).status_code == 200


def test_locked_name_costs_no_hashing(ada, client, mocker_of_hashing):
    for _ in range(5):
        log_in(client, password="wrong")
    mocker_of_hashing.clear()
    log_in(client, password="wrong")
    assert mocker_of_hashing == []


@pytest.fixture
def mocker_of_hashing(monkeypatch):
    """The passwords that have been hashed."""
    from ctaopt.role_backend import RoleBackend  # noqa: PLC0415

    asked = []
    real = RoleBackend.authenticate

    def counted(self, request, **credentials):
        asked.append(credentials["username"])
        return real(self, request, **credentials)

    monkeypatch.setattr(RoleBackend, "authenticate", counted)
    return asked


def test_codes_are_limited_like_passwords(ada):
    add_totp(ada)
    client = Client()
    log_in(client)
    for _ in range(5):
        client.post("/account/2fa/authenticate/", {"code": "000000"})
    page = client.post("/account/2fa/authenticate/", {"code": "000000"}).content.decode()
    assert "Too many failed login attempts" in page


def test_many_requests_get_429_before_anything_else(ada, client):
    answers = {log_in(client, name=f"n{number}").status_code for number in range(31)}
    assert answers == {200, 429}


def test_session_changes_its_name_at_the_log_in(ada, client):
    client.get("/account/login/")
    session = client.session
    session["left by a stranger"] = True
    session.save()
    before = session.session_key
    log_in(client)
    assert client.session.session_key != before


def test_pages_speak_french(ada, client):
    page = client.get("/account/login/", headers={"accept-language": "fr"}).content.decode()
    assert "Mot de passe" in page
    log_in(client)
    page = client.get("/account/2fa/", headers={"accept-language": "fr"}).content.decode()
    for words in ("Second facteur", "Authentification à deux facteurs", "Clés de sécurité"):
        assert words in page


def test_security_key_is_asked_for_too(ada, client):
    Authenticator.objects.create(user=ada, type="webauthn", data={"name": "key"})
    assert log_in(client).headers["Location"] == "/account/2fa/authenticate/"
    assert not is_logged_in(client)


def test_security_key_is_renamed_and_removed(ada, client):
    log_in(client)
    key = Authenticator.objects.create(
        user=ada, type="webauthn", data={"name": "Old name", "credential": {}}
    )
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    pages = f"/account/2fa/webauthn/keys/{key.pk}"
    assert "Old name" in client.get(f"{pages}/edit/").content.decode()
    client.post(f"{pages}/edit/", {"name": "New name"})
    keys = client.get("/account/2fa/webauthn/").content.decode()
    assert "New name" in keys
    assert re.findall(r"<th scope=\"col\">\s*(\w+)\s*</th>", keys) == ["Key", "Usage"]
    assert "<th>" not in keys
    assert client.get(f"{pages}/remove/").status_code == 200
    assert client.post(f"{pages}/remove/").status_code == 302
    assert not Authenticator.objects.exists()
