import time

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from django.core.cache import cache

PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture(autouse=True)
def counters_at_zero():
    """No test finds the attempts of another."""
    cache.clear()


@pytest.fixture
def ada(db):
    """A superuser with a password and no second factor."""
    return User.objects.create_superuser("ada", "ada@example.org", PASSWORD)


def log_in(client, name="ada", password=PASSWORD, **options):
    return client.post("/account/login/", {"login": name, "password": password}, **options)


def is_logged_in(client):
    return client.get("/admin/").status_code == 200


def add_totp(user):
    """Give a person an authenticator app; return its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code_of(secret):
    """The code that an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))
