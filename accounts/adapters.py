"""Adapters of allauth: accounts, the addresses of clients, and the secrets of second factors."""

import base64
import hashlib
from contextlib import suppress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.forms import ValidationError
from django.http import HttpRequest
from django.utils.encoding import force_bytes

from accounts import log

# The server behind a socket in the file system, with no proxy that says whose request it is.
NOWHERE = "0.0.0.0"  # noqa: S104  no address to listen on
# In front of what is encrypted; stored, never rename.
ENCRYPTED = "fernet:"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are made by superusers: nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that limits and the log go by; all who have none share one."""
        return get_client_ip(request) or NOWHERE

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Raise ValidationError, before a password is hashed, after too many failures."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            log.record_lock_out(request, name=str(credentials.get("username", "")))
            raise

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # Not by host, as allauth's own: an installation with ten names would allow ten times more.
        return str(credentials.get("username", "")).lower()

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for the password again before a second factor changes, where there is one.

        Accounts of single sign-on have no password here; their provider has just asked for it.
        """
        request = context.request
        if not self.get_reauthentication_methods(request.user):
            steps = get_authentication_records(request, request.user)
            return not any(step["method"] == "socialaccount" for step in steps)
        return bool(super().is_reauthentication_required(app=app, **kwargs))


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Secrets of second factors, encrypted with the installation's key.

    A copy of the database alone does not give a second factor away.
    """

    def get_totp_issuer(self) -> str:
        return f"ctaopt ({self._get_site_name()})"

    def encrypt(self, text: str) -> str:
        return ENCRYPTED + _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret; another one, that opens nothing, if the key has been lost.

        Nothing would be a secret that everybody can compute codes from.
        """
        try:
            secret = encrypted_text.removeprefix(ENCRYPTED).encode()
            return _fernet().decrypt(secret).decode()
        except InvalidToken:
            return str(generate_totp_secret())


def renewed(stored: str) -> str:
    """Return a stored secret, encrypted with the present key if a former one had encrypted it."""
    token = stored.removeprefix(ENCRYPTED).encode()
    try:
        _fernets()[0].decrypt(token)
    except InvalidToken:
        with suppress(InvalidToken):  # Lost: its owner must set up another.
            return ENCRYPTED + _fernet().rotate(token).decode()
    return stored


def _fernet() -> MultiFernet:
    return MultiFernet(_fernets())


def _fernets() -> list[Fernet]:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [Fernet(_key_from(key)) for key in keys]


def _key_from(secret: str | bytes) -> bytes:
    # Stored secrets depend on this salt; never change.
    digest = hashlib.sha256(b"ctaopt second factors:" + force_bytes(secret)).digest()
    return base64.urlsafe_b64encode(digest)
