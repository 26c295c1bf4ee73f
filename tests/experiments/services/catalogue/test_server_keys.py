import pytest
from django.db import IntegrityError

from experiments.models import ServerKey
from experiments.selectors import serving
from experiments.services.catalogue.server_keys import (
    create_server_key,
    revoke_server_key,
    server_key_digest,
)
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


def test_server_key_is_kept_as_a_digest_only(site):
    row, secret = create_server_key(site=site, name="backend", now=NOW)
    stored = ServerKey.objects.get()
    assert (stored, stored.created_at, stored.revoked_at) == (row, NOW, None)
    assert (stored.prefix, stored.digest) == (secret[:12], server_key_digest(secret))
    assert all(secret not in str(value) for value in vars(stored).values())
    assert serving.config_revision() == 1


def test_server_keys_are_long_and_never_the_same(site):
    secrets = {create_server_key(site=site, name="k", now=NOW)[1] for _ in range(20)}
    assert len(secrets) == 20
    assert all(secret.startswith("ctaopt_") and len(secret) >= 50 for secret in secrets)


def test_chosen_key_cannot_be_taken_twice(site, other_site):
    create_server_key(site=site, name="one", now=NOW, key="chosen")
    with pytest.raises(IntegrityError):
        create_server_key(site=other_site, name="two", now=NOW, key="chosen")


def test_revoked_key_is_no_longer_valid(site, server_key):
    key = ServerKey.objects.get()
    assert revoke_server_key(key=key, now=NOW) is True
    assert not serving.valid_server_keys().exists()
    assert (ServerKey.objects.get().revoked_at, serving.config_revision()) == (NOW, 1)


def test_key_is_revoked_once(site, server_key):
    key = ServerKey.objects.get()
    assert revoke_server_key(key=key, now=NOW) is True
    assert revoke_server_key(key=key, now=NOW) is False
