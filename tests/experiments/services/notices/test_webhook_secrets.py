import pytest
from cryptography.fernet import InvalidToken

from experiments.services.notices.webhook_secrets import (
    encrypt_webhooks_anew,
    new_secret,
    secret_of,
)
from tests.experiments.services.notices.conftest import make_webhook

pytestmark = pytest.mark.django_db


def test_secret_is_not_in_the_database(site):
    webhook = make_webhook(site, "https://example.org/")
    assert secret_of(webhook).startswith("whsec_")
    assert secret_of(webhook) not in webhook.encrypted_secret
    assert new_secret() != new_secret()


def test_secret_outlives_a_rotation_of_the_installation_s(site, settings):
    webhook = make_webhook(site, "https://example.org/")
    make_webhook(site, "https://example.org/", encrypted_secret="lost")
    secret = secret_of(webhook)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret-of-the-installation-!"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert secret_of(webhook) == secret
    assert encrypt_webhooks_anew() == 1
    settings.SECRET_KEY_FALLBACKS = []
    webhook.refresh_from_db()
    assert secret_of(webhook) == secret


def test_lost_secret_is_an_error(site, settings):
    webhook = make_webhook(site, "https://example.org/")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "quite-another-secret-than-before-!", []
    with pytest.raises(InvalidToken):
        secret_of(webhook)
