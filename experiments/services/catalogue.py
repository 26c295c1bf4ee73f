"""Writes of the catalogue that more than one caller makes."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.db.models import F

from experiments.models import ConfigRevision, ServerKey, Site


def bump_revision() -> None:
    """Tell every serving process that its snapshot is stale. Call in the writing transaction."""
    rows = ConfigRevision.objects.filter(pk=1)
    if not rows.update(number=F("number") + 1):
        # The first change ever; another process may be making it too.
        ConfigRevision.objects.bulk_create([ConfigRevision(pk=1)], ignore_conflicts=True)
        rows.update(number=F("number") + 1)


def server_key_digest(key: str) -> str:
    # A random key of 32 bytes needs no slow hash: there is nothing to guess.
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def create_server_key(
    *, site: Site, name: str, now: datetime, key: str | None = None
) -> tuple[ServerKey, str]:
    """Return the stored key and its secret, which is shown once and never kept."""
    secret = key or f"ctaopt_{secrets.token_urlsafe(32)}"
    row = ServerKey.objects.create(
        site=site,
        name=name,
        prefix=secret[:12],
        digest=server_key_digest(secret),
        created_at=now,
    )
    bump_revision()
    return row, secret


@transaction.atomic
def revoke_server_key(*, key: ServerKey, now: datetime) -> bool:
    """Revoke a key; return False if it was revoked before."""
    rows = ServerKey.objects.filter(pk=key.pk, revoked_at__isnull=True)
    revoked = rows.update(revoked_at=now)
    bump_revision()
    return revoked == 1
