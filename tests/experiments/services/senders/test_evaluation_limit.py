import pytest

from experiments.services.senders.evaluation_limit import BURST_S, EvaluationLimit
from experiments.services.senders.token_buckets import MOST_BUCKETS, SWEEP_S


def passed(limit, times, address="192.0.2.1", network="n"):
    return sum(limit.take(address, lambda _: network, None, now=now) == 0 for now in times)


def test_address_may_ask_ten_seconds_worth_at_once_and_the_rate_ever_after():
    limit = EvaluationLimit(5)
    assert passed(limit, [100.0] * 100) == 5 * BURST_S
    assert passed(limit, [101.0] * 100) == 5
    assert passed(limit, [102 + n / 100 for n in range(1_000)]) in {54, 55}


def test_addresses_of_one_network_count_as_one():
    limit = EvaluationLimit(1)
    assert passed(limit, [0.0] * 20, "2001:db8::1") == 10
    assert passed(limit, [0.0] * 20, "2001:db8::2") == 0
    assert passed(limit, [0.0] * 20, "2001:db9::1", "other") == 10


@pytest.mark.parametrize(("address", "network"), [("", "n"), ("10.0.0.1", None)])
def test_address_behind_which_may_be_everybody_is_not_limited(address, network):
    assert passed(EvaluationLimit(1), [0.0] * 100, address, network) == 100


@pytest.mark.parametrize("rate", [0, -1])
def test_no_rate_is_no_limit(rate):
    assert passed(EvaluationLimit(rate), [0.0] * 1_000) == 1_000


def test_network_is_found_out_once_in_a_while_and_then_forgotten():
    asked, limit = [], EvaluationLimit(100)

    def network_of(_):
        asked.append(1)
        return "n"

    for now in (0.0, 1.0, SWEEP_S - 1):
        limit.take("192.0.2.1", network_of, None, now=now)
    assert len(asked) == 1
    limit.take("192.0.2.2", network_of, None, now=SWEEP_S)
    assert [*limit._networks] == ["192.0.2.2"]


def test_memory_for_addresses_is_bounded():
    limit = EvaluationLimit(1_000)
    for number in range(MOST_BUCKETS + 10):
        limit.take(str(number), lambda _: "n", None, now=0.0)
    assert len(limit._networks) == 10
