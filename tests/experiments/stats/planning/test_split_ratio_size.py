import numpy as np
import pytest
from scipy import stats

from experiments.stats.frequentist.split_ratio import split_ratio
from experiments.stats.planning.split_ratio_size import split_ratio_size


@pytest.mark.parametrize(("share", "lift"), [(0.05, 0.2), (0.2, 0.1), (0.5, -0.1)])
def test_planned_number_has_its_power(share, lift):
    """Exact power: the chance of all splits that the exact test would reject."""
    n = split_ratio_size(lift, share=share)
    held_out = np.arange(n + 1)
    probability = share / (share + (1 - share) * (1 + lift))
    tails = np.minimum(stats.binom.cdf(held_out, n, share), stats.binom.sf(held_out - 1, n, share))
    power = stats.binom.pmf(held_out, n, probability)[2 * tails < 0.05].sum()
    assert power == pytest.approx(0.8, abs=0.03)


def test_planned_number_just_excludes_no_effect_at_even_odds():
    """With a power of one half the expected split lies at the edge of the interval."""
    n = split_ratio_size(0.1, share=0.1, power=0.5)
    held_out = round(n * 0.1 / (0.1 + 0.9 * 1.1))
    found = split_ratio(held_out, n - held_out, share=0.1)
    assert found.interval[0] == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0.0}, "share"),
        ({"alpha": 1.0}, "alpha"),
        ({"power": 0.01}, "power"),
        ({"lift": 0.0}, "lift"),
        ({"lift": -1.0}, "lift"),
    ],
)
def test_number_out_of_range_is_named(changes, message):
    values = {"lift": 0.1, "share": 0.1} | changes
    with pytest.raises(ValueError, match=message):
        split_ratio_size(values.pop("lift"), **values)
