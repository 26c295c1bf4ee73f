import threading

import pytest
from allauth.core.internal.ratelimit import consume

from accounts.file_cache import LockedFileCache


@pytest.fixture
def cache(tmp_path):
    return LockedFileCache(str(tmp_path / "cache"), {})


def test_one_of_many_threads_adds(cache):
    start = threading.Barrier(16)
    won = []

    def add():
        start.wait()
        won.extend(number for number in range(20) if cache.add(f"key-{number}", "x", 60))

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(20))


def test_value_is_shared_with_another_process_s_cache(cache, tmp_path):
    cache.set("attempts", [1.5], 60)
    assert LockedFileCache(str(tmp_path / "cache"), {}).get("attempts") == [1.5]


def test_what_has_expired_is_deleted_and_nothing_else(cache, tmp_path):
    cache.set("over", 1, 0.0)
    cache.set("kept", 2, 60)
    assert cache.drop_expired() >= 1
    assert cache.get("kept") == 2
    assert len(list((tmp_path / "cache").glob("*.djcache"))) == 1
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_fifty_guessers_at_once_have_five_attempts(tmp_path, settings, rf):
    backend = "accounts.file_cache.LockedFileCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path / "cache")}}
    start, allowed = threading.Barrier(50), []

    def guess(number):
        request = rf.post("/account/login/", REMOTE_ADDR=f"198.51.100.{number}")
        start.wait()
        consumed = consume(request, app="allauth.account", action="login_failed", key="ada")
        allowed.append(consumed is not None)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 50
    assert sum(allowed) <= 5
