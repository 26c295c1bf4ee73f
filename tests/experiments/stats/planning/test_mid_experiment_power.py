import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.stats.planning.mid_experiment_power import outlook

# GrowthBook's case: A n 500 S 500 Q 1500, B S 525 Q 1551.25, target lift 5 %.
VARIANCE = 1000 / 499
SE = math.sqrt(VARIANCE / 500 * (1 + 1.05**2))
CASE = {"target": 0.05, "se": SE, "n": 1_000, "visitors_per_day": 500}


def fixed(n):
    return 1.959963984540054


def sequential(n, planned=5_000, alpha=0.05):
    """GrowthBook's boundary: half-width in standard errors, tuned for 5,000 visitors."""
    log = -2 * math.log(alpha)
    x = n * (log + math.log(log + 1)) / planned
    return np.sqrt(2 * (x + 1) / x * np.log(np.sqrt(x + 1) / alpha))


@pytest.mark.parametrize(
    ("critical", "multiple"),
    [(fixed, 25.45703125), (sequential, 55.66796875)],
    ids=["fixed", "seq"],
)
def test_outlook_matches_growthbook(critical, multiple):
    result = outlook(**CASE, critical=critical)
    # GrowthBook stops its bisection when the power is within 1e-5.
    assert result.visitors_left / 1_000 == pytest.approx(multiple, abs=2e-3)
    assert result.days_left == pytest.approx(result.visitors_left / 500)
    assert result.reason is None


def test_outlook_is_zero_when_powered():
    result = outlook(**(CASE | {"target": 1.0}), critical=fixed)
    assert (result.visitors_left, result.days_left, result.reason) == (0, 0, None)
    assert result.power_now > 0.8


def test_outlook_without_traffic_knows_visitors_but_no_days():
    result = outlook(**(CASE | {"visitors_per_day": 0}), critical=fixed)
    assert result.visitors_left > 0
    assert (result.days_left, result.reason) == (None, "No traffic.")


def test_outlook_out_of_reach_says_so():
    result = outlook(**(CASE | {"target": 1e-9}), critical=fixed)
    assert (result.visitors_left, result.days_left) == (None, None)
    assert "out of reach" in result.reason


def test_more_goals_take_longer():
    one = outlook(**CASE, critical=fixed).visitors_left
    assert outlook(**CASE, critical=fixed, power=0.8**0.5).visitors_left > one


@settings(max_examples=30)
@given(
    target=st.floats(0.001, 10),
    se=st.floats(0.0001, 10),
    n=st.floats(1, 1e12),
    power=st.floats(0.1, 0.99),
)
def test_outlook_reaches_exactly_the_wanted_power(target, se, n, power):
    result = outlook(target=target, se=se, n=n, critical=fixed, visitors_per_day=1, power=power)
    if result.visitors_left is None:
        assert result.reason
        return
    later = outlook(
        target=target,
        se=se / math.sqrt(1 + result.visitors_left / n),
        n=n,
        critical=fixed,
        visitors_per_day=1,
        power=power,
    )
    assert later.power_now >= power - 1e-6
    assert 0 <= result.days_left < math.inf
    assert outlook(**{**CASE, "target": -target}, critical=fixed) == outlook(
        **{**CASE, "target": target}, critical=fixed
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": 0.0}, "target must be finite and not 0"),
        ({"target": math.nan}, "target must be finite and not 0"),
        ({"se": 0.0}, "se must be positive"),
        ({"n": math.inf}, "n must be positive"),
        ({"visitors_per_day": -1}, "visitors_per_day must be at least 0"),
        ({"power": 1.0}, "power must be in"),
    ],
)
def test_outlook_refuses_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        outlook(**(CASE | changes), critical=fixed)
