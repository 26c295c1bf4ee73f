import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, multivariate_normal

from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.lift_intervals import log_ratio
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.health.effect_over_time import (
    HINT_ALPHA,
    SLOPES,
    Trend,
    novelty_hint,
    slope_p_values,
    weekday_hint,
    weekday_p_values,
)
from experiments.stats.meta_analysis.heterogeneity import equal_effects_p_value, pooled_mean

SES = [0.01] * 10
WEEK = list(range(7))


def test_slope_is_tested_by_the_likelihood_of_the_differences_between_days():
    """The law of the differences to the first day needs no prior of the level."""
    rng = np.random.default_rng(20261122)
    ses = rng.uniform(0.05, 0.1, 8)
    effects = rng.normal(0.6 - 0.07 * np.arange(8), ses)
    differences = np.hstack([-np.ones((7, 1)), np.eye(7)])

    def density(spread):
        covariance = np.diag(ses**2) + spread**2 * np.outer(np.arange(8), np.arange(8))
        law = multivariate_normal(cov=differences @ covariance @ differences.T)
        return law.pdf(differences @ effects)

    e_value = np.mean([density(spread) for spread in SLOPES]) / density(0.0)
    assert e_value > 3
    assert novelty_hint(effects, ses).p_value == pytest.approx(1 / e_value)
    assert novelty_hint(effects, ses, family=2).p_value == pytest.approx(2 / e_value)


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


def test_novelty_shows_the_lifts_of_both_halves():
    hint = novelty_hint([0.1, 0.1, 0.1, 0.0, 0.0, 0.0], [0.01, 0.01, 0.01, 0.01, 0.02, 0.02])
    assert (hint.first_half, hint.second_half) == pytest.approx((math.expm1(0.1), 0.0))


def test_novelty_needs_six_days():
    hint = novelty_hint([0.1] * 5, [0.01] * 5)
    assert (hint.trend, hint.p_value) == (None, None)
    assert hint.reason == "5 days; a trend needs at least 6."


def test_weekday_hint_finds_a_weekend_effect():
    effects = [0.01, 0.01, 0.02, 0.01, 0.01, 0.06, 0.07]
    hint = weekday_hint(effects, [0.01] * 7, WEEK, days=21)
    assert hint.differs
    assert hint.whole_weeks
    same = weekday_hint([0.01] * 7, [0.01] * 7, WEEK, days=20)
    assert (same.p_value, same.differs, same.whole_weeks) == (pytest.approx(1), False, False)


def test_weekdays_are_pooled_over_the_weeks():
    rng = np.random.default_rng(20261122)
    ses = rng.uniform(0.05, 0.1, 14)
    effects = rng.normal(0.1, ses) + np.tile([0, 0, 0, 0, 0, 0.3, 0.3], 2)
    hint = weekday_hint(effects, ses, WEEK * 2, days=14, family=2)
    pooled = [pooled_mean(effects[day::7], ses[day::7]) for day in WEEK]
    alone = float(equal_effects_p_value(*np.array(pooled).T))
    assert hint.p_value == pytest.approx(min(2 * alone, 1))


def test_weekday_hint_needs_two_weekdays():
    for weekdays in ([], [3], [3, 3]):
        count = len(weekdays)
        hint = weekday_hint([0.1] * count, [0.1] * count, weekdays, days=count)
        assert hint.p_value is None
        assert hint.reason == "Fewer than two weekdays were seen."
        assert not hint.whole_weeks


@pytest.mark.parametrize(("weekdays", "days"), [([0, 7], 8), ([0, -1], 2), ([0], 2), ([0, 1], -1)])
def test_weekday_hint_refuses_an_impossible_week(weekdays, days):
    with pytest.raises(ValueError, match="weekdays must be 0 to 6"):
        weekday_hint([0.1] * 2, [0.1] * 2, weekdays, days=days)


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
        weekday_hint(effects, ses, [0], days=1)


@settings(max_examples=30)
@given(
    effects=st.lists(st.floats(-5, 5), min_size=6, max_size=20),
    log_s=st.lists(st.floats(-9, 9), min_size=20, max_size=20),
)
def test_novelty_is_finite_and_mirrors_with_the_effects(effects, log_s):
    ses = 10 ** np.array(log_s[: len(effects)])
    one, two = novelty_hint(effects, ses), novelty_hint([-x for x in effects], ses)
    assert 0 <= one.p_value <= 1
    assert one.p_value == two.p_value
    assert math.log1p(one.first_half) == pytest.approx(-math.log1p(two.first_half), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 5])
def test_null_experiment_hardly_ever_shows_a_hint_on_any_of_23_daily_looks(arms):
    rng = np.random.default_rng(20_261_128)
    runs, visitors, family = 400, 8_000, 2 * (arms - 1)
    n = rng.poisson(visitors / arms, (runs, 28, arms)).astype(float)
    clicks = rng.binomial(n.astype(int), 0.03).astype(float)
    lifts, ses = log_ratio(contrasts(raw_estimates(Proportion(n=n, sum=clicks))))
    lifts, ses = (np.swapaxes(of_arm, 1, 2) for of_arm in (lifts, ses))
    hinted = np.zeros(runs, dtype=bool)
    for day in range(6, 29):
        seen, weekdays = (lifts[..., :day], ses[..., :day]), np.arange(day) % 7
        p_values = slope_p_values(*seen)[1], weekday_p_values(*seen, weekdays)
        hinted |= (family * np.minimum(*p_values) <= HINT_ALPHA).any(axis=1)
        one = [each[0, 0] for each in seen]
        hints = novelty_hint(*one), weekday_hint(*one, weekdays, days=day)
        assert [hint.p_value for hint in hints] == pytest.approx([p[0, 0] for p in p_values])
    assert binomtest(int(hinted.sum()), runs, 0.05, "greater").pvalue > 0.001
    assert hinted.sum() <= 0.05 * runs


@pytest.mark.slow
def test_novelty_worth_knowing_is_found():
    """A lift of 60 % that is gone after four weeks, with 240 clicks an arm and day."""
    rng = np.random.default_rng(20_261_128)
    lifts = np.linspace(0.6, 0.0, 28)
    found = 0
    for _ in range(200):
        ses = np.full(28, math.sqrt(2 / 240))
        effects = rng.normal(np.log1p(lifts), ses)
        found += novelty_hint(effects, ses, family=2).trend is Trend.FADING
    assert found > 0.9 * 200
