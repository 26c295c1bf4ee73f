"""Key of each site for its digests: made once, kept encrypted with the installation's secret.

After a rotation of that secret the keys are encrypted anew; they themselves never change.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from cryptography.fernet import Fernet, MultiFernet
from django.db import transaction
from django.utils.crypto import salted_hmac

from experiments.event_schema.digests import is_visitor_digest, visitor_digest
from experiments.models import Event, SiteSecret, VisitorOutcome
from experiments.services.catalogue.keyed_digests import accepted_secrets

KEY_BYTES = 32
AS_SENT = SiteSecret.Visitors.AS_SENT
# Stored; never rename: no key could be read again.
SALT = "experiments.site_secrets"
# Keys by site and fingerprint. A process that has not been given the new secret yet goes on with
# those that it has read.
_known: dict[tuple[int, str], bytes] = {}


class SiteNames(NamedTuple):
    """Key of a site's digests; `keeps_digests`: of visitors, too, whose ids are not stored."""

    secret: bytes
    keeps_digests: bool


def site_secret(site_id: int) -> bytes:
    """Return the key of a site, as `site_secrets` does."""
    return site_secrets([site_id])[site_id]


def site_secrets(site_ids: Iterable[int]) -> dict[int, bytes]:
    """Return the keys of sites, as `site_names` does."""
    return {site_id: names.secret for site_id, names in site_names(site_ids).items()}


def site_names(site_ids: Iterable[int]) -> dict[int, SiteNames]:
    """Return the keys of sites and what they are for; the first call for a site makes its key.

    Raises:
        cryptography.fernet.InvalidToken: If one was encrypted with none of the accepted secrets.
    """
    wanted = set(site_ids)
    rows = list(SiteSecret.objects.filter(site__in=wanted))
    if missing := wanted - {row.site_id for row in rows}:
        made = [_new_secret(site_id) for site_id in sorted(missing)]
        # Two processes may make one at once: the second finds that of the first.
        SiteSecret.objects.bulk_create(made, ignore_conflicts=True)
        rows = list(SiteSecret.objects.filter(site__in=wanted))
    return {row.site_id: SiteNames(_key_of(row), row.visitors != AS_SENT) for row in rows}


def keep_secret(*, site_id: int, key: bytes, visitors: str) -> None:
    """Give a new site the key and the form of visitors that it had in another installation."""
    SiteSecret.objects.create(
        site_id=site_id,
        encrypted=_cipher().encrypt(key).decode(),
        fingerprint=_fingerprint(key),
        visitors=visitors,
    )


def form_of_visitors(site_id: int) -> str:
    """Return the form in which a site keeps its visitors, of `SiteSecret.Visitors`."""
    site_secret(site_id)
    return str(SiteSecret.objects.values_list("visitors", flat=True).get(site=site_id))


def stored_names(*, site_id: int, visitor: str) -> tuple[str, str]:
    """Return the names under which something of a visitor may be stored: digest and id."""
    return visitor_digest(site_secret(site_id), visitor), visitor


def digest_keys(site_ids: Iterable[int]) -> dict[int, bytes]:
    """Return the keys of those of the sites that keep digests of visitors."""
    wanted = set(site_ids)
    rows = SiteSecret.objects.filter(site__in=wanted)
    return {row.site_id: _key_of(row) for row in rows.exclude(visitors=AS_SENT)}


def as_stored(visitor: str, key: bytes | None) -> str:
    """Return the name to store of a visitor: with a key the digest, unless it is one."""
    if key is None or is_visitor_digest(visitor):
        return visitor
    return visitor_digest(key, visitor)


@transaction.atomic
def encrypt_secrets_anew() -> int:
    """Encrypt all keys with the present secret; return how many."""
    cipher = _cipher()
    rows = list(SiteSecret.objects.select_for_update())
    for row in rows:
        row.encrypted = cipher.rotate(row.encrypted.encode()).decode()
    SiteSecret.objects.bulk_update(rows, ["encrypted"])
    return len(rows)


def _new_secret(site_id: int) -> SiteSecret:
    key = secrets.token_bytes(KEY_BYTES)
    encrypted = _cipher().encrypt(key).decode()
    return SiteSecret(
        site_id=site_id,
        encrypted=encrypted,
        fingerprint=_fingerprint(key),
        visitors=AS_SENT if _has_visitors(site_id) else SiteSecret.Visitors.DIGESTS,
    )


def _has_visitors(site_id: int) -> bool:
    """Return whether ids are stored: a site of an earlier version keeps their form."""
    outcomes = VisitorOutcome.objects.filter(experiment__slot__site=site_id)
    return Event.objects.filter(site=site_id).exists() or outcomes.exists()


def _key_of(row: SiteSecret) -> bytes:
    name = (row.site_id, row.fingerprint)
    if name not in _known:
        _known[name] = _cipher().decrypt(row.encrypted.encode())
    return _known[name]


def _fingerprint(key: bytes) -> str:
    return blake2b(key, digest_size=8).hexdigest()


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(_key_from(secret)) for secret in accepted_secrets()])


def _key_from(secret: str) -> bytes:
    return urlsafe_b64encode(salted_hmac(SALT, "", secret=secret, algorithm="sha256").digest())
