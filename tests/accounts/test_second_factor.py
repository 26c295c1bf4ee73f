import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import Client

from accounts.models import LogInRecord
from accounts.second_factor import has_second_factor, renew_encryption, reset_second_factor
from tests import factories
from tests.accounts.conftest import add_totp, code_of, is_logged_in, log_in

pytestmark = pytest.mark.django_db


def test_reset_removes_every_factor_and_ends_the_sessions(ada, client):
    secret = add_totp(ada)
    log_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_logged_in(client)
    assert reset_second_factor(ada) == 1
    assert not has_second_factor(ada)
    assert not is_logged_in(client)
    assert log_in(Client()).headers["Location"] == "/admin/"
    assert LogInRecord.objects.filter(kind="factors_reset", user=ada).exists()


def test_reset_of_nothing_is_not_recorded(ada):
    assert reset_second_factor(ada) == 0
    assert not LogInRecord.objects.filter(kind="factors_reset").exists()


def test_superuser_resets_a_person_s_factor_in_the_admin(ada, client):
    person = factories.make_person("phone lost")
    add_totp(person)
    client.force_login(ada)
    sent = {"action": "reset_second_factors", "_selected_action": [person.pk]}
    page = client.post("/admin/auth/user/", sent, follow=True)
    assert "Reset for 1 person." in page.content.decode()
    assert not has_second_factor(person)


def test_owner_of_a_site_does_not(client):
    owner = factories.make_member(factories.make_site(), "owner")
    add_totp(owner)
    client.force_login(owner)
    sent = {"action": "reset_second_factors", "_selected_action": [owner.pk]}
    assert client.post("/admin/auth/user/", sent).status_code == 403
    assert has_second_factor(owner)


def test_rotation_of_the_secret_loses_no_second_factor(ada, settings):
    secret = add_totp(ada)
    RecoveryCodes.activate(ada)
    codes = RecoveryCodes.activate(ada).generate_codes()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    assert renew_encryption() == 2
    assert renew_encryption() == 0
    settings.SECRET_KEY_FALLBACKS = []
    assert RecoveryCodes.activate(ada).generate_codes() == codes
    client = Client()
    log_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_logged_in(client)


def test_secret_whose_key_is_lost_stays_as_it_is(ada, settings):
    add_totp(ada)
    before = ada.authenticator_set.get().data
    settings.SECRET_KEY = "n" * 50
    assert renew_encryption() == 0
    assert ada.authenticator_set.get().data == before
