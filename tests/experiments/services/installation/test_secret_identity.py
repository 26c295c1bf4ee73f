import pytest

from experiments.models import SecretDigest
from experiments.services.installation.secret_identity import (
    SecretMismatchError,
    confirm_secret,
)

pytestmark = [pytest.mark.django_db, pytest.mark.on_both_databases]

A, B, C = ("abc"[i] * 40 for i in range(3))


@pytest.fixture(autouse=True)
def unrecorded():
    SecretDigest.objects.all().delete()


@pytest.fixture
def start(settings):
    """Confirm a secret as a process that starts with it does."""

    def run(secret, *fallbacks):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = secret, list(fallbacks)
        return confirm_secret()

    return run


def test_first_secret_is_recorded_and_not_readable(start):
    assert start(A) is False
    assert A not in repr(SecretDigest.objects.values().get())
    assert start(A) is False
    assert SecretDigest.objects.count() == 1


@pytest.mark.parametrize("fallbacks", [(), (C,)])
def test_other_secret_is_refused_with_the_remedy(start, fallbacks):
    start(A)
    with pytest.raises(SecretMismatchError, match="SECRET_KEY_FALLBACKS"):
        start(B, *fallbacks)
    assert start(A) is False


def test_digest_follows_a_rotation(start):
    start(A)
    assert start(B, A) is True
    assert start(B) is False
    with pytest.raises(SecretMismatchError, match="was replaced"):
        start(A)


def test_machines_are_rotated_one_after_the_other(start):
    """First each accepts the new secret, then each takes it; none is refused meanwhile."""
    start(A)
    assert start(A, B) is False
    assert start(B, A) is True
    # The other machine restarts before its turn, and does not turn the record back.
    assert start(A, B) is False
    assert start(B) is False


def test_rotation_of_a_rotation(start):
    start(A)
    start(B, A)
    assert start(C, B, A) is True
    assert SecretDigest.objects.count() == 3
