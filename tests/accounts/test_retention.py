from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import LogInRecord
from accounts.retention import drop_old_records
from experiments import tasks
from tests.accounts.conftest import is_logged_in, log_in

pytestmark = pytest.mark.django_db


def test_old_records_are_dropped_and_addresses_before_them(ada, client):
    log_in(client, password="wrong")
    now = timezone.now()
    assert drop_old_records(now=now + timedelta(days=29), days=180) == 0
    assert LogInRecord.objects.latest("pk").address == "127.0.0.1"
    assert drop_old_records(now=now + timedelta(days=31), days=180) == 0
    assert LogInRecord.objects.latest("pk").address is None
    assert drop_old_records(now=now + timedelta(days=181), days=180) == 1
    assert not LogInRecord.objects.exists()


@pytest.fixture
def counters_in_files(settings, tmp_path):
    backend = "accounts.file_cache.LockedFileCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path / "cache")}}
    return tmp_path / "cache"


def test_night_drops_sessions_that_are_over_with_their_addresses(ada, counters_in_files):
    over, living = Client(), Client()
    log_in(over)
    log_in(living)
    sessions = Session.objects.filter(session_key=over.session.session_key)
    sessions.update(expire_date=timezone.now() - timedelta(seconds=1))
    cache.set("over", 1, 0.0)
    cache.set("kept", 2, 60)
    tasks.drop_log_ins()
    assert [one.session_key for one in UserSession.objects.all()] == [living.session.session_key]
    assert not sessions.exists()
    assert is_logged_in(living)
    assert cache.get("kept") == 2
    files = [one.name for one in counters_in_files.glob("*.djcache")]
    tasks.drop_log_ins()
    assert [one.name for one in counters_in_files.glob("*.djcache")] == files


def test_night_drops_what_the_settings_say(ada, client, settings):
    log_in(client, password="wrong")
    LogInRecord.objects.update(at=timezone.now() - timedelta(days=8))
    tasks.drop_log_ins()
    assert LogInRecord.objects.exists()
    settings.CTAOPT_LOG_IN_DAYS = 7
    tasks.drop_log_ins()
    assert not LogInRecord.objects.exists()
