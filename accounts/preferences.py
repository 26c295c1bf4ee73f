"""Preferences of people, and texts as a person reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone, translation

from accounts.models import Preferences


def preferences_of(user: AbstractBaseUser) -> Preferences:
    """Return what a person has chosen; empty preferences, not stored, of who has chosen nothing."""
    try:
        kept: Preferences = user.preferences  # type: ignore[attr-defined]  # of the reverse side
    except Preferences.DoesNotExist:
        return Preferences(user_id=user.pk)
    return kept


def keep_preference(user: AbstractBaseUser, **chosen: str) -> None:
    """Keep some of a person's preferences; the others stay as they are."""
    Preferences.objects.update_or_create(user_id=user.pk, defaults=chosen)


@contextmanager
def as_read_by(user: AbstractBaseUser, *, otherwise: str) -> Iterator[None]:
    """Write texts and times in a person's language and time zone.

    Args:
        user: Reader.
        otherwise: Language for who has chosen none.
    """
    chosen = preferences_of(user)
    zone = ZoneInfo(chosen.time_zone) if chosen.time_zone else None
    with translation.override(chosen.language or otherwise), timezone.override(zone):
        yield
