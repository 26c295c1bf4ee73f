import pytest

from experiments.api.public import ofrep
from experiments.api.public.rate_limit import RateLimit
from tests import factories

pytestmark = pytest.mark.on_both_databases

VISITOR = {"context": {"targetingKey": "v-1"}}


def passed(limit, times, key="k"):
    return sum(limit.take(key, now=now) == 0 for now in times)


def test_bucket_lets_twice_the_rate_pass_at_once_and_the_rate_ever_after():
    limit = RateLimit(10)
    assert passed(limit, [100.0] * 50) == 20
    assert passed(limit, [101.0] * 50) == 10
    seconds = [102 + n / 100 for n in range(1_000)]
    assert passed(limit, seconds) in {109, 110}


def test_wait_is_until_the_next_request_may_pass():
    limit = RateLimit(0.5)
    assert limit.take("k", now=0.0) == 0
    wait_s = limit.take("k", now=0.0)
    assert wait_s == 2
    assert limit.take("k", now=wait_s) == 0


def test_keys_have_buckets_of_their_own():
    limit = RateLimit(1)
    assert (passed(limit, [0.0] * 9, "one"), passed(limit, [0.0] * 9, "two")) == (2, 2)


@pytest.mark.parametrize("rate", [0, -1])
def test_no_rate_is_no_limit(rate):
    assert passed(RateLimit(rate), [0.0] * 1_000) == 1_000


@pytest.mark.parametrize("path", [ofrep.PREFIX, f"{ofrep.PREFIX}/hero", f"{ofrep.PREFIX}/unknown"])
def test_key_that_asks_too_often_is_told_when_to_come_again(browser, slot, monkeypatch, path):
    monkeypatch.setattr(ofrep, "rate_limit", RateLimit(0.1))
    browser.post(path, VISITOR)
    answer = browser.post(path, VISITOR)
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")
    assert answer.json()["errorCode"] == "GENERAL"
    assert "0.1 requests a second" in answer.json()["errorDetails"]
    assert answer.headers["access-control-expose-headers"] == "ETag, Retry-After"


def test_other_keys_go_on_and_wrong_keys_take_nothing(browser, slot, server_key, monkeypatch):
    limit = RateLimit(0.1)
    monkeypatch.setattr(ofrep, "rate_limit", limit)
    for _ in range(3):
        browser.post(ofrep.PREFIX, VISITOR)
    browser.key = "unknown"
    assert browser.post(ofrep.PREFIX, VISITOR).status == 401
    browser.key = server_key
    assert browser.post(ofrep.PREFIX, VISITOR).status == 200
    assert limit._buckets.keys() == {"shop-client-key", server_key}


def test_site_elsewhere_is_not_limited_by_this_one(browser, slot, other_site, monkeypatch):
    monkeypatch.setattr(ofrep, "rate_limit", RateLimit(0.1))
    factories.make_slot(other_site)
    browser.post(ofrep.PREFIX, VISITOR)
    browser.key = other_site.client_key
    assert browser.post(ofrep.PREFIX, VISITOR).status == 200
