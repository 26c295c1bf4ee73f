"""Secrets with which webhooks are signed: made here, kept encrypted, shown to the site's owners."""

import secrets
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.utils.crypto import salted_hmac

from experiments.models import Webhook
from experiments.services.catalogue.keyed_digests import accepted_secrets

SECRET_BYTES = 32
# Of Standard Webhooks.
PREFIX = "whsec_"
# Stored; never rename: no secret could be read again.
SALT = "experiments.webhook_secrets"


def new_secret() -> str:
    """Return a new secret, encrypted."""
    secret = PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return _cipher().encrypt(secret.encode()).decode()


def secret_of(webhook: Webhook) -> str:
    """Return the secret of a webhook.

    Raises:
        cryptography.fernet.InvalidToken: If it was encrypted with none of the accepted secrets.
    """
    return _cipher().decrypt(webhook.encrypted_secret.encode()).decode()


def encrypt_webhooks_anew() -> int:
    """Encrypt all secrets with the present one of the installation; return how many.

    One that cannot be read stays as it is: its webhook names it.
    """
    cipher, renewed = _cipher(), []
    for row in Webhook.objects.all():
        with suppress(InvalidToken):
            row.encrypted_secret = cipher.rotate(row.encrypted_secret.encode()).decode()
            renewed.append(row)
    Webhook.objects.bulk_update(renewed, ["encrypted_secret"])
    return len(renewed)


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(_key_from(secret)) for secret in accepted_secrets()])


def _key_from(secret: str) -> bytes:
    digest = salted_hmac(SALT, "", secret=secret, algorithm="sha256").digest()
    return urlsafe_b64encode(digest)
