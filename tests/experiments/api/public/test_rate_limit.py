import pytest

from experiments.api.public import access, ofrep
from experiments.api.public.access import request_limit
from experiments.services.senders.evaluation_limit import EvaluationLimit
from tests import factories

pytestmark = pytest.mark.on_both_databases

VISITOR = {"context": {"targetingKey": "v-1"}}


def passed(limit, times, key="k"):
    return sum(limit.take(key, now=now) == 0 for now in times)


def test_bucket_lets_twice_the_rate_pass_at_once_and_the_rate_ever_after():
    limit = request_limit(10)
    assert passed(limit, [100.0] * 50) == 20
    assert passed(limit, [101.0] * 50) == 10
    seconds = [102 + n / 100 for n in range(1_000)]
    assert passed(limit, seconds) in {109, 110}


def test_wait_is_until_the_next_request_may_pass():
    limit = request_limit(0.5)
    assert limit.take("k", now=0.0) == 0
    wait_s = limit.take("k", now=0.0)
    assert wait_s == 2
    assert limit.take("k", now=wait_s) == 0


def test_keys_have_buckets_of_their_own():
    limit = request_limit(1)
    assert (passed(limit, [0.0] * 9, "one"), passed(limit, [0.0] * 9, "two")) == (2, 2)


@pytest.mark.parametrize("rate", [0, -1])
def test_no_rate_is_no_limit(rate):
    assert passed(request_limit(rate), [0.0] * 1_000) == 1_000


@pytest.mark.parametrize("path", [ofrep.PREFIX, f"{ofrep.PREFIX}/hero", f"{ofrep.PREFIX}/unknown"])
def test_key_that_asks_too_often_is_told_when_to_come_again(browser, slot, monkeypatch, path):
    monkeypatch.setattr(ofrep, "rate_limit", request_limit(0.1))
    browser.post(path, VISITOR)
    answer = browser.post(path, VISITOR)
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")
    assert answer.json()["errorCode"] == "GENERAL"
    assert "0.1 requests a second" in answer.json()["errorDetails"]
    assert answer.headers["access-control-expose-headers"] == "ETag, Retry-After"


def test_other_keys_go_on_and_wrong_keys_take_nothing(browser, slot, server_key, monkeypatch):
    limit = request_limit(0.1)
    monkeypatch.setattr(ofrep, "rate_limit", limit)
    for _ in range(3):
        browser.post(ofrep.PREFIX, VISITOR)
    browser.key = "unknown"
    assert browser.post(ofrep.PREFIX, VISITOR).status == 401
    browser.key = server_key
    assert browser.post(ofrep.PREFIX, VISITOR).status == 200
    assert limit._buckets.keys() == {"shop-client-key", server_key}


def test_site_elsewhere_is_not_limited_by_this_one(browser, slot, other_site, monkeypatch):
    monkeypatch.setattr(ofrep, "rate_limit", request_limit(0.1))
    factories.make_slot(other_site)
    browser.post(ofrep.PREFIX, VISITOR)
    browser.key = other_site.client_key
    assert browser.post(ofrep.PREFIX, VISITOR).status == 200


ADDRESS = {"REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture
def one_a_minute(monkeypatch):
    """Let an address ask once."""
    monkeypatch.setattr(access, "address_limit", EvaluationLimit(1 / 60))


def statuses(client, n, *, address, path=ofrep.PREFIX, **environ):
    bodies = ({"context": {"targetingKey": f"v-{number}"}} for number in range(n))
    sender = {"REMOTE_ADDR": address, **environ}
    return [client.post(path, body, environ=sender).status for body in bodies]


@pytest.mark.parametrize("path", [ofrep.PREFIX, f"{ofrep.PREFIX}/hero", f"{ofrep.PREFIX}/unknown"])
def test_address_that_asks_too_often_is_refused_whatever_visitor_it_names(
    browser, slot, one_a_minute, monkeypatch, path
):
    by_key = request_limit(5_000)
    monkeypatch.setattr(ofrep, "rate_limit", by_key)
    assert statuses(browser, 4, address="198.51.100.7", path=path)[1:] == [429] * 3
    answer = browser.post(path, VISITOR, environ=ADDRESS)
    assert int(answer.headers["retry-after"]) in range(50, 61)
    assert "from this address" in answer.json()["errorDetails"]
    # It took nothing from the others' share of the key.
    assert by_key._buckets["shop-client-key"][0] == 10_000 - 1


def test_other_addresses_go_on(browser, slot, one_a_minute):
    assert statuses(browser, 2, address="198.51.100.7") == [200, 429]
    assert statuses(browser, 2, address="2001:db8::7") == [200, 429]
    # Of the same network of 64 bits.
    assert statuses(browser, 1, address="2001:db8::8") == [429]


def test_fragments_count_with_evaluations(browser, slot, one_a_minute):
    asked = {"query": "locale=en", "environ": ADDRESS}
    assert [browser.get("/fragment/hero", **asked).status for _ in range(2)] == [200, 429]


def test_server_key_and_own_network_are_not_limited_by_address(
    browser, slot, server_key, one_a_minute
):
    assert statuses(browser, 9, address="10.0.0.7") == [200] * 9
    browser.key = server_key
    assert statuses(browser, 9, address="198.51.100.7") == [200] * 9


def test_address_is_the_one_that_the_own_proxy_saw(browser, slot, one_a_minute, settings):
    settings.CTAOPT_PROXIES = 1
    for made_up in ("203.0.113.1", "203.0.113.2"):
        seen = {"HTTP_X_FORWARDED_FOR": f"{made_up}, 198.51.100.7"}
        statuses(browser, 1, address="10.0.0.1", **seen)
    assert statuses(browser, 1, address="10.0.0.1", **seen) == [429]
    other = {"HTTP_X_FORWARDED_FOR": "198.51.100.8"}
    assert statuses(browser, 1, address="10.0.0.1", **other) == [200]


def test_limit_by_address_can_be_switched_off(browser, slot, monkeypatch):
    monkeypatch.setattr(access, "address_limit", EvaluationLimit(0))
    assert statuses(browser, 50, address="198.51.100.7") == [200] * 50
