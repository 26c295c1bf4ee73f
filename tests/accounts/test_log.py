import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from accounts.models import LogInRecord
from tests.accounts.conftest import PASSWORD, add_totp, code_of, log_in

pytestmark = pytest.mark.django_db


def written():
    """The kinds of all records, the first one first."""
    return [row.kind for row in LogInRecord.objects.order_by("pk")]


def test_log_in_with_two_factors_is_one_record_that_names_both(ada, client):
    secret = add_totp(ada)
    log_in(client, REMOTE_ADDR="203.0.113.9")
    client.post("/account/2fa/authenticate/", {"code": "000000"})
    assert written() == ["code_failure"]
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    last = LogInRecord.objects.latest("pk")
    assert (last.kind, last.user, last.method) == ("log_in", ada, "password + totp")
    client.post("/admin/logout/")
    assert written() == ["code_failure", "log_in", "log_out"]


def test_failure_names_the_account_and_the_address(ada, client):
    log_in(client, password="wrong", REMOTE_ADDR="203.0.113.9")
    last = LogInRecord.objects.latest("pk")
    assert (last.kind, last.user, last.address) == ("failure", ada, "203.0.113.9")


def test_name_of_no_account_is_not_kept(ada, client):
    """It may be a password, typed into the wrong field."""
    log_in(client, name=PASSWORD, password="x")
    last = LogInRecord.objects.latest("pk")
    assert (last.kind, last.user) == ("failure", None)
    assert PASSWORD not in str(vars(last))


def test_address_comes_from_one_s_own_proxies_only(ada, client, settings):
    forged = {"x-forwarded-for": "192.0.2.66"}
    log_in(client, password="wrong", headers=forged)
    assert LogInRecord.objects.latest("pk").address == "127.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    log_in(client, password="wrong", headers={"x-forwarded-for": "192.0.2.66, 203.0.113.9"})
    assert LogInRecord.objects.latest("pk").address == "203.0.113.9"


def test_request_without_an_address_is_recorded_without(ada, client):
    log_in(client, password="wrong", REMOTE_ADDR="")
    assert LogInRecord.objects.latest("pk").address is None


def test_new_password_is_recorded_wherever_it_is_set(ada):
    ada.set_password("another long sentence")
    ada.save()
    assert written() == ["password"]
    User.objects.create_user("without")
    ada.save()
    assert written() == ["password"]


def test_set_up_and_removal_of_a_factor_are_recorded(
    ada, client, django_capture_on_commit_callbacks
):
    log_in(client)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
        client.post("/account/2fa/recovery-codes/generate/")
    client.post("/account/2fa/totp/deactivate/")
    rows = LogInRecord.objects.order_by("pk").values_list("kind", "method")
    assert list(rows) == [
        ("log_in", "password"),
        ("factor_added", "totp"),
        ("factor_added", "recovery_codes"),
        ("codes_renewed", ""),
        ("factor_removed", "totp"),
        ("factor_removed", "recovery_codes"),
    ]


def test_password_of_the_command_line_is_recorded(ada, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another long sentence")
    call_command("changepassword", "ada")
    last = LogInRecord.objects.latest("pk")
    assert (last.kind, last.user, last.address) == ("password", ada, None)
