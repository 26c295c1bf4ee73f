import pytest

from experiments.services.senders.event_limits import EventLimits, event_limits, key_digest
from experiments.services.senders.shared_limit import SharedLimit

KEY = key_digest("shop-client-key")


@pytest.fixture
def limits():
    return EventLimits(
        by_key=SharedLimit("key", 100, 1.0, None), by_sender=SharedLimit("sender", 10, 1.0, None)
    )


def test_sender_that_is_refused_takes_nothing_from_the_key(limits):
    waits = [limits.wait_s(KEY, b"one", now=0.0) for _ in range(1_000)]
    assert waits.count(0.0) == 10
    others = [limits.wait_s(KEY, f"{n}".encode(), now=0.0) for n in range(1_000)]
    assert others.count(0.0) == 90


def test_events_of_a_batch_count_one_by_one(limits):
    assert limits.wait_s(KEY, b"one", now=0.0) == 0.0
    limits.spend(KEY, b"one", 15, now=0.0)
    assert limits.wait_s(KEY, b"one", now=0.0) == pytest.approx(0.6)
    assert limits.wait_s(KEY, None, now=0.0) == 0.0


def test_server_without_a_sender_has_the_limit_of_its_key_only(limits):
    assert [limits.wait_s(KEY, None, now=0.0) for _ in range(200)].count(0.0) == 100


def test_limits_follow_the_settings(settings):
    settings.CTAOPT_EVENTS_PER_KEY_PER_S = 7
    settings.CTAOPT_EVENTS_PER_ADDRESS_PER_S = 0
    limits = event_limits()
    assert (limits.by_key.per_s, limits.by_sender.per_s) == (7, 0)
    assert event_limits() is limits


def test_key_is_kept_as_a_digest():
    assert b"shop" not in KEY
    assert key_digest("other") != KEY
