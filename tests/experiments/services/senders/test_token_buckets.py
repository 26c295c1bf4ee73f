import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.services.senders.token_buckets import SWEEP_S, TokenBuckets


@given(
    st.floats(0.1, 100),
    st.floats(1, 500),
    st.lists(st.tuples(st.floats(0, 20), st.integers(0, 50)), max_size=80),
)
def test_no_more_passes_than_the_burst_and_the_rate_allow(per_s, burst, asks):
    buckets, now, passed, largest = TokenBuckets(per_s, burst=burst), 0.0, 0, 0
    for pause, more in asks:
        now += pause
        if not buckets.take("a", now=now):
            buckets.spend("a", more)
            passed += 1 + more
            largest = max(largest, more)
    # A debt is cut at a full bucket: with batches beyond it a key may gain the rest.
    if largest <= burst:
        assert passed <= burst + now * per_s + largest + 1e-6


def test_refusal_says_when_the_next_may_come():
    buckets = TokenBuckets(2, burst=3)
    assert [buckets.take("a", now=0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("a", now=0.25) == 0.25
    assert buckets.take("b", now=0.25) == 0.0
    assert buckets.take("a", now=0.5) == 0.0


def test_large_batch_is_paid_for_afterwards():
    buckets = TokenBuckets(10, burst=20)
    assert buckets.take("a", now=0.0) == 0.0
    buckets.spend("a", 39)
    assert buckets.take("a", now=0.0) == pytest.approx(2.1)
    assert buckets.take("a", now=2.2) == 0.0


def test_rate_of_zero_never_refuses_and_remembers_nobody():
    buckets = TokenBuckets(0, burst=0)
    assert {buckets.take("a", now=0.0) for _ in range(1_000)} == {0.0}
    buckets.spend("a", 5)
    assert len(buckets) == 0


def test_full_bucket_is_forgotten():
    buckets = TokenBuckets(10, burst=20)
    for number in range(100):
        buckets.take(number, now=0.0)
    buckets.take("late", now=SWEEP_S + 1)
    assert len(buckets) == 1


def test_number_of_buckets_is_bounded():
    buckets = TokenBuckets(0.001, burst=1, most=50)
    for number in range(1_000):
        buckets.take(number, now=number / 1_000)
    assert len(buckets) <= 50
