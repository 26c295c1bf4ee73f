"""Retention of log-ins: records, addresses, sessions and counters."""

from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import caches

from accounts.file_cache import LockedFileCache
from accounts.models import LogInRecord

# After so many days a record loses its address: it has served its purpose, to find an attack.
ADDRESS_DAYS = 30


def drop_old_records(*, now: datetime, days: int) -> int:
    """Drop the records that are older than `days`, and addresses older than 30 days."""
    dropped, _ = LogInRecord.objects.filter(at__lt=now - timedelta(days=days)).delete()
    LogInRecord.objects.filter(at__lt=now - timedelta(days=ADDRESS_DAYS)).update(address=None)
    return dropped


def drop_ended_sessions() -> None:
    """Drop sessions that are over, with the addresses they began at, and expired counters."""
    SessionStore.clear_expired()
    living = Session.objects.values("session_key")
    UserSession.objects.exclude(session_key__in=living).delete()
    if isinstance(caches["default"], LockedFileCache):
        caches["default"].drop_expired()
