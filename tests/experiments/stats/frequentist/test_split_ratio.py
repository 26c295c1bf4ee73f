import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.frequentist.split_ratio import split_ratio

counts = st.integers(0, 400)
shares = st.floats(0.01, 0.5)


@given(held_out=counts, others=counts, share=shares)
def test_interval_is_that_of_clopper_and_pearson(held_out, others, share):
    found = split_ratio(held_out, others, share=share)
    if held_out + others == 0:
        assert found is None
        return
    exact = stats.binomtest(held_out, held_out + others, share)
    ends = exact.proportion_ci(0.95, method="exact")
    odds = share / (1 - share)
    low, high = ((1 - p) / p * odds - 1 if p else math.inf for p in (ends.high, ends.low))
    assert found.interval == pytest.approx((low, high), abs=1e-7, rel=1e-7)


@given(held_out=st.integers(1, 300), others=st.integers(1, 300), share=shares)
def test_p_value_and_interval_agree(held_out, others, share):
    found = split_ratio(held_out, others, share=share)
    if abs(found.p_value - 0.05) > 1e-9:
        low, high = found.interval
        assert (found.p_value < 0.05) == (low > 0 or high < 0)
    tails = (
        stats.binom.cdf(held_out, held_out + others, share),
        stats.binom.sf(held_out - 1, held_out + others, share),
    )
    assert found.p_value == pytest.approx(min(1, 2 * min(tails)))


def test_group_without_conversions_has_no_lift():
    nobody = split_ratio(0, 90, share=0.1)
    assert nobody.lift is None
    assert nobody.interval[1] == math.inf
    # 2 * 0.9 ** 90.
    assert nobody.p_value == pytest.approx(2 * 0.9**90)
    assert split_ratio(9, 0, share=0.1).lift == -1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0.0}, "share"),
        ({"share": 1.0}, "share"),
        ({"held_out": -1}, "counts"),
        ({"alpha": 0.0}, "alpha"),
    ],
)
def test_number_out_of_range_is_named(changes, message):
    values = {"held_out": 5, "others": 50, "share": 0.1} | changes
    with pytest.raises(ValueError, match=message):
        split_ratio(values.pop("held_out"), values.pop("others"), **values)


@pytest.mark.slow
@pytest.mark.parametrize("lift", [0.0, 0.1])
def test_interval_covers_the_lift_of_visitors_who_are_not_counted(lift):
    """4,000 sites of 20,000 visitors, a tenth of them held out at a rate of 5 %."""
    rng, runs = np.random.default_rng(7), 4_000
    visitors = rng.binomial(20_000, 0.1, runs)
    held_out = rng.binomial(visitors, 0.05)
    others = rng.binomial(20_000 - visitors, 0.05 * (1 + lift))
    covered = 0
    for pair in zip(held_out.tolist(), others.tolist(), strict=True):
        low, high = split_ratio(*pair, share=0.1).interval
        covered += low <= lift <= high
    assert covered / runs >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / runs)
