import pytest

from experiments.admin.charts import effect_bars


def test_bars_share_a_scale_that_ends_at_a_round_number():
    first, second = effect_bars([(0.029, 0.093, 0.159), (-0.072, 0.079, 0.243)])
    assert (first.smallest, first.largest) == (second.smallest, second.largest) == (-0.3, 0.3)
    # Zero is in the middle; 46 % of the width are 0.3.
    assert second.high == pytest.approx(50 + 46 * 0.243 / 0.3, abs=0.01)
    assert second.low == pytest.approx(50 - 46 * 0.072 / 0.3, abs=0.01)
    assert 50 < first.low < first.at < first.high < 100


def test_no_effect_has_a_scale_all_the_same():
    (bar,) = effect_bars([(0.0, 0.0, 0.0)])
    assert (bar.at, bar.largest) == (50, 1.0)
    assert effect_bars([]) == []
