import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.reliability import reliability


def curve_of(chances, won):
    """The curve over tenths, by counting: the surest pairs first."""
    order = np.argsort(-chances)
    counts = [len(chances) * tenth // 10 for tenth in range(1, 11)]
    return [
        (count / len(chances), chances[order[count - 1]], won[order[:count]].mean())
        for count in counts
    ]


def test_bins_are_the_rates_between_the_limits():
    """5,000 pairs that win as often as they are said to."""
    rng = np.random.default_rng(3)
    chances = rng.uniform(0.5, 0.9, 5_000)
    won = rng.random(5_000) < chances
    bins = reliability(curve_of(chances, won))
    assert len(bins) == 10
    for one in bins:
        inside = (chances >= one.low) & (chances < one.high)
        assert one.won == pytest.approx(won[inside].mean())
        assert one.share == pytest.approx(inside.mean())
        assert one.low - 0.06 < one.won < min(one.high, 0.9) + 0.06


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=10, max_size=60))
def test_bins_add_up_to_the_whole(pairs):
    chances = np.array([0.5 + chance / 200 for chance, _ in pairs])
    won = np.array([float(each) for _, each in pairs])
    bins = reliability(curve_of(chances, won))
    assert sum(one.share for one in bins) == pytest.approx(1)
    assert all(one.low < one.high or one.low == 1 for one in bins)
    assert all(0 <= one.won <= 1 for one in bins)


def test_points_of_one_chance_make_one_bin():
    bins = reliability([(0.1, 0.5, 0.6), (0.5, 0.5, 0.6), (1.0, 0.5, 0.6)])
    assert [(one.low, one.high, one.share, one.won) for one in bins] == [(0.5, 1.0, 1.0, 0.6)]


def test_curve_without_points_has_no_bins():
    assert reliability([]) == []


@pytest.mark.parametrize("coverages", [(0.5, 0.5), (0.6, 0.5), (0.0, 1.0), (0.5, 1.1)])
def test_coverages_that_do_not_ascend_are_refused(coverages):
    with pytest.raises(ValueError, match="coverages"):
        reliability([(coverage, 0.6, 0.7) for coverage in coverages])
