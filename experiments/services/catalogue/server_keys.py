"""Server keys: creation, rotation, revocation, digests, and the published keys that are refused."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from experiments.models import ServerKey, Site
from experiments.models.access import all_scopes
from experiments.services.catalogue.access_log import COMMAND_LINE, Actor, Kind, record_access
from experiments.services.catalogue.config_revision import bump_revision

Scope = ServerKey.Scope
USUAL_SCOPES = tuple(all_scopes())
LONGEST_OVERLAP = timedelta(days=365)
REVOKED, EXPIRED = "revoked", "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Scopes of a key, and the moment at which it expires; None for never."""

    scopes: Sequence[str] = USUAL_SCOPES
    expires_at: datetime | None = None


UNLIMITED = Grant()


class CannotRotateError(Exception):
    """The key no longer opens anything, or has a successor already."""


def server_key_digest(key: str) -> str:
    # Stored; never change.
    # A random key of 32 bytes needs no slow hash: there is nothing to guess.
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def create_server_key(
    *,
    site: Site,
    name: str,
    now: datetime,
    key: str | None = None,
    grant: Grant = UNLIMITED,
    by: Actor = COMMAND_LINE,
) -> tuple[ServerKey, str]:
    """Return the stored key and its secret, which is shown once and never kept."""
    row = ServerKey(site=site, name=name, scopes=list(grant.scopes), expires_at=grant.expires_at)
    secret = _create(row, secret=key, now=now, by=by)
    note = ", ".join(row.scopes)
    record_access(site, Kind.KEY_MADE, at=now, by=by, key=str(row), note=note)
    bump_revision()
    return row, secret


@transaction.atomic
def rotate_server_key(
    *,
    key: ServerKey,
    overlap: timedelta,
    now: datetime,
    expires_at: datetime | None = None,
    by: Actor = COMMAND_LINE,
) -> tuple[ServerKey, str]:
    """Return a successor with the same name and scopes, and its secret.

    Args:
        key: Key that opens something now; it does until the overlap is over, at most a year.
        overlap: Time for which both are valid; zero ends the old key at once.
        now: Moment of the rotation.
        expires_at: Expiry of the successor; None for never.
        by: Person who rotates.

    Raises:
        CannotRotateError: If the key opens nothing any more, or has a successor.
    """
    old = ServerKey.objects.select_for_update(of=("self",)).select_related("site").get(pk=key.pk)
    if fault_of(old, now=now) or old.successor_id is not None:
        raise CannotRotateError
    new = ServerKey(site=old.site, name=old.name, scopes=old.scopes, expires_at=expires_at)
    secret = _create(new, secret=None, now=now, by=by)
    ends_at = now + min(overlap, LONGEST_OVERLAP)
    old.expires_at = ends_at if old.expires_at is None else min(old.expires_at, ends_at)
    old.successor = new
    old.save(update_fields=["expires_at", "successor"])
    note = f"{old} -> {new}, {old.expires_at:%Y-%m-%d %H:%M} UTC"
    record_access(old.site, Kind.KEY_ROTATED, at=now, by=by, key=str(new), note=note)
    bump_revision()
    return new, secret


@transaction.atomic
def revoke_server_key(
    *, key: ServerKey, now: datetime, reason: str = "", by: Actor = COMMAND_LINE
) -> bool:
    """Revoke a key; return False if it was revoked before."""
    rows = ServerKey.objects.filter(pk=key.pk, revoked_at__isnull=True)
    revoked = rows.update(revoked_at=now, revocation_reason=reason)
    if revoked:
        record_access(key.site, Kind.KEY_REVOKED, at=now, by=by, key=str(key), note=reason)
    bump_revision()
    return revoked == 1


def record_deletion(*, key: ServerKey, now: datetime, by: Actor) -> None:
    """Write into the site's history that a key is deleted; its row is gone after that."""
    record_access(key.site, Kind.KEY_DELETED, at=now, by=by, key=str(key))


def fault_of(key: ServerKey, *, now: datetime) -> str:
    """Return why a key opens nothing: `revoked`, `expired`, or "" if it does."""
    if key.revoked_at is not None:
        return REVOKED
    return EXPIRED if key.expires_at is not None and key.expires_at <= now else ""


def _create(row: ServerKey, *, secret: str | None, now: datetime, by: Actor) -> str:
    secret = secret or f"ctaopt_{secrets.token_urlsafe(32)}"
    row.prefix, row.digest = secret[:12], server_key_digest(secret)
    row.created_at, row.created_by = now, by.author
    row.save()
    return secret


# Published in the README: valid in the demo only.
DEMO_KEYS = frozenset({"demo-client-key", "demo-server-key"})


def refused_keys() -> frozenset[str]:
    """Return the keys that open nothing here: the published ones, outside the demo."""
    return frozenset() if settings.CTAOPT_DEMO else DEMO_KEYS
