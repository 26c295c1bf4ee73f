"""Server keys: creation, revocation, digests, and the published keys that are refused."""

import hashlib
import secrets
from datetime import datetime

from django.conf import settings
from django.db import transaction

from experiments.models import ServerKey, Site
from experiments.services.catalogue.config_revision import bump_revision


def server_key_digest(key: str) -> str:
    # Stored; never change.
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


# Published in the README: valid in the demo only.
DEMO_KEYS = frozenset({"demo-client-key", "demo-server-key"})


def refused_keys() -> frozenset[str]:
    """Return the keys that open nothing here: the published ones, outside the demo."""
    return frozenset() if settings.CTAOPT_DEMO else DEMO_KEYS
