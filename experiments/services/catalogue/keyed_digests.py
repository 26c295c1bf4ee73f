"""Digests keyed by the installation's secret, which outlive its rotation.

Django signs sessions and links so by itself; what the service keys by hand goes through here.
"""

import hmac

from django.conf import settings
from django.utils.crypto import salted_hmac


def keyed_digest(salt: str, value: str) -> str:
    """Return the digest to store or to send: HMAC-SHA256 with `SECRET_KEY`."""
    return _digest(salt, value, secret=settings.SECRET_KEY)


def keyed_digests(salt: str, value: str) -> tuple[str, ...]:
    """Return the digests to look for: the present one, then those with the former secrets."""
    return tuple(_digest(salt, value, secret=secret) for secret in accepted_secrets())


def is_keyed_digest(found: str, *, salt: str, value: str) -> bool:
    """Return whether a digest was made with the secret or a former one, in constant time."""
    matches = [
        hmac.compare_digest(found.encode(), one.encode()) for one in keyed_digests(salt, value)
    ]
    return any(matches)


def accepted_secrets() -> tuple[str, ...]:
    """Return the secret, then those that are accepted beside it while it is rotated."""
    return (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


def _digest(salt: str, value: str, *, secret: str) -> str:
    return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()
