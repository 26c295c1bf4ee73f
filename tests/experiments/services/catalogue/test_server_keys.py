from datetime import timedelta

import pytest
from django.db import IntegrityError

from experiments.models import AccessRecord, ServerKey
from experiments.selectors import serving
from experiments.services.catalogue.access_log import Actor
from experiments.services.catalogue.server_keys import (
    CannotRotateError,
    Grant,
    create_server_key,
    fault_of,
    record_deletion,
    revoke_server_key,
    rotate_server_key,
    server_key_digest,
)
from tests.factories import NOW

DAY = timedelta(days=1)

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
    key.refresh_from_db()
    assert fault_of(key, now=NOW) == "revoked"
    assert (ServerKey.objects.get().revoked_at, serving.config_revision()) == (NOW, 1)


def test_key_is_revoked_once(site, server_key):
    key = ServerKey.objects.get()
    assert revoke_server_key(key=key, now=NOW) is True
    assert revoke_server_key(key=key, now=NOW) is False


def test_key_of_before_the_scopes_may_do_everything_for_ever(site, server_key):
    key = ServerKey.objects.get()
    assert key.scopes == ["read", "write", "erase", "analyse"]
    assert (key.expires_at, fault_of(key, now=NOW + 9_000 * DAY)) == (None, "")


def test_key_is_made_with_its_scopes_its_end_and_who_made_it(site, owner):
    grant = Grant(scopes=["read"], expires_at=NOW + DAY)
    key, secret = create_server_key(
        site=site, name="reports", now=NOW, grant=grant, by=Actor(author=owner)
    )
    key.refresh_from_db()
    assert (key.scopes, key.expires_at, key.created_by) == (["read"], NOW + DAY, owner)
    assert (fault_of(key, now=NOW), fault_of(key, now=NOW + DAY)) == ("", "expired")
    record = AccessRecord.objects.get()
    assert (record.kind, record.at, record.author) == ("key_made", NOW, owner)
    assert (record.key, record.note) == (str(key), "read")
    assert secret not in f"{record.key}{record.note}"


def test_rotation_leaves_both_keys_valid_until_the_overlap_is_over(site):
    old, _ = create_server_key(site=site, name="shop", now=NOW, grant=Grant(scopes=["write"]))
    revision = serving.config_revision()
    new, secret = rotate_server_key(key=old, overlap=7 * DAY, now=NOW, expires_at=NOW + 90 * DAY)
    old.refresh_from_db()
    assert (new.name, new.scopes, new.expires_at) == ("shop", ["write"], NOW + 90 * DAY)
    assert (old.expires_at, old.successor) == (NOW + 7 * DAY, new)
    assert new.digest == server_key_digest(secret)
    assert {fault_of(key, now=NOW + 6 * DAY) for key in (old, new)} == {""}
    assert fault_of(old, now=NOW + 7 * DAY) == "expired"
    assert serving.config_revision() == revision + 1
    assert AccessRecord.objects.first().kind == "key_rotated"


def test_rotation_never_makes_an_old_key_last_longer(site):
    grant = Grant(expires_at=NOW + DAY)
    old, _ = create_server_key(site=site, name="shop", now=NOW, grant=grant)
    rotate_server_key(key=old, overlap=7 * DAY, now=NOW)
    assert ServerKey.objects.get(pk=old.pk).expires_at == NOW + DAY


def test_rotation_without_overlap_ends_the_old_key_at_once_and_a_long_one_is_a_year(site):
    hurried, _ = create_server_key(site=site, name="leaked", now=NOW)
    rotate_server_key(key=hurried, overlap=timedelta(), now=NOW)
    assert fault_of(ServerKey.objects.get(pk=hurried.pk), now=NOW) == "expired"
    slow, _ = create_server_key(site=site, name="slow", now=NOW)
    rotate_server_key(key=slow, overlap=4_000 * DAY, now=NOW)
    assert ServerKey.objects.get(pk=slow.pk).expires_at == NOW + 365 * DAY


def test_key_that_opens_nothing_or_has_a_successor_is_not_rotated(site):
    key, _ = create_server_key(site=site, name="shop", now=NOW)
    new, _ = rotate_server_key(key=key, overlap=DAY, now=NOW)
    with pytest.raises(CannotRotateError):
        rotate_server_key(key=key, overlap=DAY, now=NOW)
    revoke_server_key(key=new, now=NOW)
    with pytest.raises(CannotRotateError):
        rotate_server_key(key=new, overlap=DAY, now=NOW)
    assert ServerKey.objects.count() == 2


def test_revocation_is_kept_with_its_reason_and_logged_once(site, server_key, owner):
    key = ServerKey.objects.get()
    for _ in range(2):
        revoke_server_key(key=key, now=NOW, reason="leaked in a log", by=Actor(author=owner))
    key.refresh_from_db()
    assert key.revocation_reason == "leaked in a log"
    record = AccessRecord.objects.get()
    assert (record.kind, record.author, record.note) == ("key_revoked", owner, "leaked in a log")


def test_history_keeps_the_name_of_a_deleted_key(site, server_key, owner):
    key = ServerKey.objects.get()
    record_deletion(key=key, now=NOW, by=Actor(author=owner))
    key.delete()
    assert AccessRecord.objects.get().key == "backend (shop-server-…)"
