import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import WLS, add_constant

from experiments.stats.health.effect_over_time import Trend, novelty_hint, weekday_hint

SES = [0.01] * 10


def test_novelty_is_a_weighted_regression_on_the_day():
    rng = np.random.default_rng(20261122)
    ses = rng.uniform(0.01, 0.03, 12)
    effects = rng.normal(0.05 - 0.003 * np.arange(12), ses)
    fit = WLS(effects, add_constant(np.arange(12.0)), weights=ses**-2.0).fit(cov_type="fixed scale")
    assert novelty_hint(effects, ses).p_value == pytest.approx(fit.pvalues[1], rel=1e-9)


@pytest.mark.parametrize(
    ("effects", "trend"),
    [
        (np.linspace(0.10, 0.01, 10), Trend.FADING),
        (np.linspace(-0.10, -0.01, 10), Trend.FADING),
        (np.linspace(0.01, 0.10, 10), Trend.GROWING),
        (np.full(10, 0.05), Trend.STEADY),
    ],
    ids=["fading-gain", "fading-loss", "growing", "steady"],
)
def test_novelty_names_the_trend(effects, trend):
    assert novelty_hint(effects, SES).trend is trend


def test_novelty_shows_both_halves():
    hint = novelty_hint([0.1, 0.1, 0.1, 0.0, 0.0, 0.0], [0.01, 0.01, 0.01, 0.01, 0.02, 0.02])
    assert (hint.first_half, hint.second_half) == pytest.approx((0.1, 0.0))


def test_novelty_needs_six_days():
    hint = novelty_hint([0.1] * 5, [0.01] * 5)
    assert (hint.trend, hint.p_value) == (None, None)
    assert hint.reason == "5 days; a trend needs at least 6."


def test_weekday_hint_finds_a_weekend_effect():
    effects = [0.01, 0.01, 0.02, 0.01, 0.01, 0.06, 0.07]
    hint = weekday_hint(effects, [0.01] * 7, days=21)
    assert hint.differs
    assert hint.whole_weeks
    same = weekday_hint([0.01] * 7, [0.01] * 7, days=20)
    assert (same.p_value, same.differs, same.whole_weeks) == (pytest.approx(1), False, False)


def test_weekday_hint_needs_two_weekdays():
    for effects in ([], [0.1]):
        hint = weekday_hint(effects, [0.01] * len(effects), days=len(effects))
        assert hint.p_value is None
        assert hint.reason == "Fewer than two weekdays were seen."
        assert not hint.whole_weeks


@pytest.mark.parametrize(("count", "days"), [(8, 8), (2, -1)])
def test_weekday_hint_refuses_an_impossible_week(count, days):
    with pytest.raises(ValueError, match="a week has seven days"):
        weekday_hint([0.1] * count, [0.1] * count, days=days)


@pytest.mark.parametrize(
    ("effects", "ses", "message"),
    [
        ([0.1], [0.1, 0.2], "must have one length"),
        ([math.nan], [0.1], "effects must be finite"),
        ([0.1], [0.0], "ses must be positive"),
    ],
)
def test_hints_refuse_bad_input(effects, ses, message):
    with pytest.raises(ValueError, match=message):
        novelty_hint(effects, ses)
    with pytest.raises(ValueError, match=message):
        weekday_hint(effects, ses, days=1)


@settings(max_examples=30)
@given(
    effects=st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=20),
    log_s=st.lists(st.floats(-9, 9), min_size=20, max_size=20),
)
def test_novelty_is_finite_and_mirrors_with_the_effects(effects, log_s):
    ses = 10 ** np.array(log_s[: len(effects)])
    one, two = novelty_hint(effects, ses), novelty_hint([-x for x in effects], ses)
    assert 0 <= one.p_value <= 1
    assert one.p_value == two.p_value
    assert one.first_half == -two.first_half


@pytest.mark.slow
def test_hints_are_false_alarms_at_their_level():
    rng = np.random.default_rng(20261122)
    n_repeats = 2_000
    ses = rng.uniform(0.01, 0.03, 14)
    trends = weekdays = 0
    for effects in rng.normal(0.02, ses, (n_repeats, 14)):
        trends += novelty_hint(effects, ses).trend is not Trend.STEADY
        weekdays += weekday_hint(effects[:7], ses[:7], days=7).differs
    assert stats.binomtest(trends, n_repeats, 0.01).pvalue > 0.001
    assert stats.binomtest(weekdays, n_repeats, 0.01).pvalue > 0.001
