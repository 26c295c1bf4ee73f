import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest

from experiments.stats.estimation.multiplicity import adjust_p_values
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.frequentist.dunnett import (
    critical_value,
    exceedance,
    step_down_levels,
    step_down_p_values,
)
from experiments.stats.sequential.looks import Schedule, compare_looks

EQUAL = np.sqrt(np.full(4, 0.5))


@pytest.mark.parametrize(
    ("arms", "expected"),
    # Dunnett (1964), Biometrics 20, table II: two-sided 5 %, equal group sizes.
    [(1, 1.96), (2, 2.21), (3, 2.35), (4, 2.44), (9, 2.69)],
)
def test_critical_values_match_the_published_table(arms, expected):
    assert critical_value(0.05, np.full(arms, np.sqrt(0.5))) == pytest.approx(expected, abs=0.006)


def test_exceedance_matches_scipy_multivariate_normal():
    loading = np.sqrt([0.3, 0.5, 0.8])
    covariance = np.outer(loading, loading)
    np.fill_diagonal(covariance, 1)
    normal = stats.multivariate_normal(np.zeros(3), covariance, seed=1, abseps=1e-8, maxpts=10**6)
    inside = normal.cdf(np.full(3, 2.2), lower_limit=np.full(3, -2.2))
    assert exceedance(2.2, loading) == pytest.approx(1 - inside, abs=1e-5)


def test_first_step_matches_scipy_dunnett():
    rng = np.random.default_rng(12)
    samples = [rng.normal(mean, 1, 3_000) for mean in (0, 0.03, 0.05, 0.01)]
    expected = stats.dunnett(*samples[1:], control=samples[0], random_state=1)
    loading = np.sqrt(np.full(3, 0.5))
    found = [exceedance(float(abs(t)), loading) for t in expected.statistic]
    # 11,996 degrees of freedom are many; scipy integrates by draws.
    assert found == pytest.approx(expected.pvalue, abs=2e-3)


def test_one_arm_is_the_single_test():
    assert exceedance(2.0, np.array([0.7])) == pytest.approx(2 * stats.norm.sf(2.0), rel=1e-6)


def test_tiny_p_values_fall_back_on_bonferroni():
    assert exceedance(8.0, np.full(3, 0.7)) == pytest.approx(6 * stats.norm.sf(8.0), rel=1e-9)


def test_exceedance_of_many_bounds_is_that_of_each():
    rng = np.random.default_rng(18)
    bounds, loading = rng.uniform(0, 9, (30, 2)), rng.uniform(0, 0.999, (30, 2, 3))
    bounds[0] = 0, 40
    alone = [
        [float(exceedance(one, of_arms)) for one, of_arms in zip(*rows, strict=True)]
        for rows in zip(bounds, loading, strict=True)
    ]
    assert exceedance(bounds, loading) == pytest.approx(np.array(alone), rel=1e-12)
    assert exceedance(bounds, loading)[0].tolist() == [1.0, 0.0]


def test_steps_of_many_looks_are_those_of_each():
    rng = np.random.default_rng(19)
    p_values, loading = rng.beta(0.4, 4, (40, 4)), rng.uniform(0.1, 0.99, (40, 4))
    p_values[rng.random((40, 4)) < 0.2] = np.nan
    p_values[3:6] = 1.0, 0.0, 0.5, 0.5
    alone = [step_down_p_values(*look) for look in zip(p_values, loading, strict=True)]
    found = step_down_p_values(p_values, loading)
    assert found == pytest.approx(np.array(alone), rel=1e-12, nan_ok=True)


@pytest.mark.slow
def test_dunnett_holds_the_family_wise_error():
    rng = np.random.default_rng(13)
    runs, k = 2_000, 5
    rate = rng.binomial(2_000, 0.1, (runs, k)) / 2_000
    variance = rate * (1 - rate)
    z = np.abs(rate[:, 1:] - rate[:, :1]) / np.sqrt((variance[:, 1:] + variance[:, :1]) / 2_000)
    bound = critical_value(0.05, np.full(k - 1, np.sqrt(0.5)))
    alarms = int((z.max(axis=1) > bound).sum())
    assert stats.binomtest(alarms, runs, 0.05).pvalue > 0.001


def test_step_down_is_between_no_correction_and_holm():
    p_values = np.array([0.03, 0.012, 0.2, 0.04])
    adjusted = step_down_p_values(p_values, EQUAL)
    assert (adjusted >= p_values).all()
    assert (adjusted <= adjust_p_values(p_values, "holm") + 1e-9).all()
    # The smallest is Dunnett's own; statistics of size 2.512 (p = 0.012).
    assert adjusted[1] == pytest.approx(exceedance(2.5121443, EQUAL), rel=1e-6)
    # The last step corrects nothing.
    assert adjusted[2] == pytest.approx(0.2)


def test_undefined_p_value_counts_in_the_family():
    adjusted = step_down_p_values(np.array([0.02, np.nan]), EQUAL[:2])
    assert adjusted[0] == pytest.approx(step_down_p_values(np.array([0.02, 1.0]), EQUAL[:2])[0])
    assert np.isnan(adjusted[1])


def test_single_arm_is_not_adjusted():
    assert step_down_p_values(np.array([0.04]), EQUAL[:1]).tolist() == pytest.approx([0.04])
    assert step_down_levels(np.array([0.04]), EQUAL[:1], 0.05).tolist() == [0.05]


@pytest.mark.parametrize("seed", range(20))
def test_interval_levels_agree_with_the_verdict(seed):
    rng = np.random.default_rng(seed)
    p_values = rng.beta(0.4, 4, 4)
    adjusted = step_down_p_values(p_values, EQUAL)
    levels = step_down_levels(p_values, EQUAL, 0.05)
    assert ((p_values <= levels) == (adjusted <= 0.05)).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "shares", [(1 / 3,) * 3, (0.2,) * 5, (0.6, 0.1, 0.1, 0.1, 0.1), (0.1, 0.3, 0.3, 0.3)]
)
def test_family_of_sequential_p_values_keeps_alpha(shares):
    """The steps are Dunnett's for one look; all looks together err in no more."""
    rng = np.random.default_rng([51, len(shares), int(10 * shares[0])])
    runs, looks, daily = 4_000, 28, 4_000
    n = rng.binomial(daily, shares, (looks, runs, len(shares)))
    clicks = rng.binomial(n, 0.05)
    n, clicks = (part.cumsum(axis=0).astype(float)[:, :, None] for part in (n, clicks))
    schedule = Schedule(
        planned_visitors=0.99 * daily * looks,
        alpha=0.05,
        shares=np.array([shares]),
        is_scheduled=np.ones(looks, dtype=bool),
    )
    p_values = compare_looks(Proportion(n=n, sum=clicks), schedule).comparisons.p_value
    loading = np.sqrt(np.array(shares[1:]) / (shares[0] + np.array(shares[1:])))
    level = step_down_levels(np.ones(len(loading)), loading, 0.05)[0]
    alarms = int((p_values.min(axis=1) <= level).sum())
    assert binomtest(alarms, runs, 0.05, "greater").pvalue > 0.001
    assert level > 0.05 / len(loading)
