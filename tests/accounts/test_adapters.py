import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.adapters import SecondFactorAdapter
from tests.accounts.conftest import add_totp, code_of, is_logged_in, log_in

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXP"  # noqa: S105


def test_secret_is_stored_encrypted_and_read_again(ada):
    add_totp(ada)
    stored = Authenticator.objects.get().data["secret"]
    assert stored.startswith("fernet:")
    adapter = SecondFactorAdapter()
    assert adapter.decrypt(adapter.encrypt(SECRET)) == SECRET
    assert adapter.encrypt(SECRET) != adapter.encrypt(SECRET)


def test_secret_is_read_with_a_former_key(settings):
    adapter = SecondFactorAdapter()
    stored = adapter.encrypt(SECRET)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    assert adapter.decrypt(stored) == SECRET


def test_lost_key_leaves_a_secret_that_opens_nothing(ada, settings):
    """An empty secret would have codes that anybody can compute."""
    secret = add_totp(ada)
    settings.SECRET_KEY = "n" * 50
    adapter = SecondFactorAdapter()
    stored = Authenticator.objects.get().data["secret"]
    found = {adapter.decrypt(stored) for _ in range(3)}
    assert len(found) == 3
    assert all(len(one) >= 32 for one in found)
    client = Client()
    log_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert not is_logged_in(client)


def test_limit_of_a_name_is_the_same_under_every_host(ada, settings):
    settings.ALLOWED_HOSTS = ["a.example", "b.example"]
    for _ in range(4):
        log_in(Client(), password="wrong", headers={"host": "a.example"})
    log_in(Client(), password="wrong", headers={"host": "b.example"})
    assert log_in(Client(), headers={"host": "b.example"}).status_code == 200


def test_case_of_a_name_gives_no_more_attempts(ada):
    for name in ("ada", "Ada", "ADA", "aDa", "adA"):
        log_in(Client(), name=name, password="wrong")
    assert log_in(Client()).status_code == 200


def test_requests_without_an_address_share_one_limit(ada):
    for number in range(10):
        log_in(Client(), name=f"guess-{number}", password="wrong", REMOTE_ADDR="")
    assert log_in(Client(), REMOTE_ADDR="").status_code == 200
    assert log_in(Client(), REMOTE_ADDR="198.51.100.1").status_code == 302
