import hashlib
import hmac

import pytest

from experiments.services.catalogue.keyed_digests import (
    is_keyed_digest,
    keyed_digest,
    keyed_digests,
)

OLD, NEW = "o" * 40, "n" * 40


def by_hand(secret):
    """HMAC-SHA256 under SHA-256 of salt and secret, as RFC 2104 and Django's docs give it."""
    key = hashlib.sha256(("a.salt" + secret).encode()).digest()
    return hmac.new(key, b"value", "sha256").hexdigest()


@pytest.fixture(autouse=True)
def rotated(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]


def test_digest_is_made_with_the_present_secret():
    assert keyed_digest("a.salt", "value") == by_hand(NEW)


def test_former_secret_is_recognised_after_the_present_one():
    assert keyed_digests("a.salt", "value") == (by_hand(NEW), by_hand(OLD))
    assert is_keyed_digest(by_hand(OLD), salt="a.salt", value="value")


@pytest.mark.parametrize("found", ["", "é", "0" * 64, by_hand("x" * 40)])
def test_other_digest_is_refused(found):
    assert not is_keyed_digest(found, salt="a.salt", value="value")
