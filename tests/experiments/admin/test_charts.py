import pytest

from experiments.admin.charts import BAR_WIDTH, effect_bars


def test_bars_share_a_scale_that_ends_at_a_round_number():
    first, second = effect_bars([(0.029, 0.093, 0.159), (-0.072, 0.079, 0.243)])
    assert (first.smallest, first.largest) == (second.smallest, second.largest) == (-0.3, 0.3)
    assert first.zero_x == BAR_WIDTH / 2
    # Eight pixels are left at each end for the dot: 82 are 0.3.
    assert second.high_x == pytest.approx(90 + 82 * 0.243 / 0.3, abs=0.01)
    assert second.low_x == pytest.approx(90 - 82 * 0.072 / 0.3, abs=0.01)


def test_no_effect_has_a_scale_all_the_same():
    (bar,) = effect_bars([(0.0, 0.0, 0.0)])
    assert (bar.x, bar.largest) == (bar.zero_x, 1.0)
    assert effect_bars([]) == []
