import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.stats.estimation.winsorization import percentile_of

numbers = st.floats(-1e6, 1e6)


@given(st.lists(numbers, min_size=1, max_size=60), st.sampled_from([10.0, 50.0, 75.0, 99.9]))
def test_percentile_is_numpys_inverted_distribution(values, percentile):
    expected = np.percentile(values, percentile, method="inverted_cdf")
    assert percentile_of(values, percentile) == expected


def test_default_leaves_one_value_in_a_thousand_above():
    values = np.arange(1.0, 10_001.0)
    assert (values > percentile_of(values)).sum() == 10
    assert percentile_of(np.arange(1.0, 1_001.0)) == 999


@pytest.mark.parametrize("values", [[], [[1.0]], [np.nan], [np.inf]])
def test_values_that_are_none_are_refused(values):
    with pytest.raises(ValueError, match="values"):
        percentile_of(values)


@pytest.mark.parametrize("percentile", [0, 100, -1, np.nan])
def test_percentile_out_of_range_is_refused(percentile):
    with pytest.raises(ValueError, match="percentile"):
        percentile_of([1.0], percentile)
