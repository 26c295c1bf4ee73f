"""Keys of sites stay what they are, whatever they are encrypted with."""

import pytest
from cryptography.fernet import InvalidToken

from experiments.models import SecretDigest, SiteSecret
from experiments.services.catalogue import site_secrets as module
from experiments.services.catalogue.site_secrets import (
    encrypt_secrets_anew,
    keep_secret,
    site_secret,
    site_secrets,
)
from experiments.services.installation.secret_identity import confirm_secret
from tests import factories
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """A process that has read no key yet."""
    monkeypatch.setattr(module, "_known", {})


@pytest.fixture(autouse=True)
def no_keys(site, other_site):
    SiteSecret.objects.all().delete()


def restarted(monkeypatch):
    monkeypatch.setattr(module, "_known", {})


def test_each_site_gets_one_key_of_its_own(site, other_site):
    keys = site_secrets([site.pk, other_site.pk])
    assert site_secrets([other_site.pk, site.pk]) == keys
    assert (len(set(keys.values())), {len(key) for key in keys.values()}) == (2, {32})


def test_key_is_not_in_the_database(site):
    key, row = site_secret(site.pk), SiteSecret.objects.get()
    assert key.hex() not in repr(vars(row))


def test_key_outlives_a_rotation_of_the_secret(site, settings, monkeypatch):
    SecretDigest.objects.all().delete()
    settings.SECRET_KEY = "a" * 50
    confirm_secret()
    key = site_secret(site.pk)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "b" * 50, ["a" * 50]
    restarted(monkeypatch)
    assert confirm_secret()
    settings.SECRET_KEY_FALLBACKS = []
    restarted(monkeypatch)
    assert site_secret(site.pk) == key


def test_key_that_a_machine_makes_after_the_rotation_is_kept(
    site, other_site, settings, monkeypatch
):
    SecretDigest.objects.all().delete()
    settings.SECRET_KEY = "a" * 50
    confirm_secret()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "b" * 50, ["a" * 50]
    confirm_secret()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a" * 50, ["b" * 50]
    key = site_secret(other_site.pk)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "b" * 50, ["a" * 50]
    confirm_secret()
    settings.SECRET_KEY_FALLBACKS = []
    restarted(monkeypatch)
    assert site_secret(other_site.pk) == key


def test_process_with_the_former_secret_goes_on(site, settings):
    settings.SECRET_KEY = "a" * 50
    key = site_secret(site.pk)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "b" * 50, ["a" * 50]
    assert encrypt_secrets_anew() == 1
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a" * 50, []
    assert site_secret(site.pk) == key


def test_key_of_another_secret_is_an_error(site, settings, monkeypatch):
    settings.SECRET_KEY = "a" * 50
    site_secret(site.pk)
    settings.SECRET_KEY = "b" * 50
    restarted(monkeypatch)
    with pytest.raises(InvalidToken):
        site_secret(site.pk)


def test_kept_key_is_the_one_that_was_given(site):
    keep_secret(site_id=site.pk, key=bytes(32), visitors=SiteSecret.Visitors.DIGESTS)
    assert site_secret(site.pk) == bytes(32)


def test_processes_that_make_a_key_at_once_agree(real_database):
    site = factories.make_site("third")
    SiteSecret.objects.all().delete()
    first, second = in_threads(*[lambda: site_secret(site.pk)] * 2)
    assert first == second
