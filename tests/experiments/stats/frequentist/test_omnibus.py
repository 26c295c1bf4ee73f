import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.oneway import anova_oneway

from experiments.stats.estimation.sufficient_statistics import Mean, Proportion
from experiments.stats.estimation.undefined_reasons import Reason
from experiments.stats.frequentist.omnibus import (
    chi_squared,
    cochran_mantel_haenszel,
    welch_anova,
)


def proportions(n, clicks):
    return Proportion(n=np.array(n, dtype=float), sum=np.array(clicks, dtype=float))


@pytest.mark.needs_shared
def test_chi_squared_reproduces_the_library_test(library_arms):
    test = chi_squared(library_arms)
    assert test.statistic == pytest.approx(96.743, abs=5e-4)
    assert test.dof == 4


@given(st.lists(st.tuples(st.integers(1, 999), st.integers(1, 999)), min_size=2, max_size=20))
def test_chi_squared_matches_scipy(table):
    clicks, others = np.array(table).T
    expected = chi2_contingency([clicks, others], correction=False)
    test = chi_squared(proportions(clicks + others, clicks))
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert test.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_welch_anova_matches_statsmodels():
    rng = np.random.default_rng(3)
    samples = [rng.normal(mean, sd, n) for mean, sd, n in [(0, 1, 20), (0.3, 2, 30), (0.1, 3, 25)]]
    arms = Mean(
        n=np.array([len(s) for s in samples], dtype=float),
        sum=np.array([s.sum() for s in samples]),
        sum_squares=np.array([(s**2).sum() for s in samples]),
    )
    expected = anova_oneway(samples, use_var="unequal", welch_correction=True)
    test = welch_anova(arms)
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert test.dof_denominator == pytest.approx(expected.df_denom, rel=1e-9)
    assert test.p_value == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("test", [chi_squared, welch_anova])
@pytest.mark.parametrize(
    ("n", "clicks", "reason"),
    [
        ([0, 10], [0, 5], "no visitors"),
        ([10, 10], [0, 0], "same outcome"),
        ([10, 10], [10, 10], "same outcome"),
    ],
)
def test_omnibus_is_undefined_with_a_reason(test, n, clicks, reason):
    result = test(proportions(n, clicks))
    assert result.p_value is None
    assert result.statistic is None
    assert reason in result.reason


@pytest.mark.parametrize("test", [chi_squared, welch_anova])
@pytest.mark.parametrize("shape", [(), (1,), (3, 2)])
def test_omnibus_needs_one_experiment(test, shape):
    with pytest.raises(ValueError, match="arms must be"):
        test(Proportion(n=np.full(shape, 9.0), sum=np.full(shape, 3.0)))


def test_cochran_mantel_haenszel_matches_statsmodels():
    n = np.array([[9_000.0, 1_000.0], [1_000.0, 1_000.0], [400.0, 600.0]])
    clicks = np.array([[900.0, 130.0], [30.0, 43.0], [11.0, 20.0]])
    tables = [
        np.array([visitors - those, those]) for visitors, those in zip(n, clicks, strict=True)
    ]
    expected = StratifiedTable(tables).test_null_odds()
    found = cochran_mantel_haenszel(Proportion(n=n, sum=clicks))
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert (found.dof, found.p_value) == (1, pytest.approx(expected.pvalue, rel=1e-9))


def test_cochran_mantel_haenszel_of_one_stratum_is_pearsons_but_for_one_visitor():
    n, clicks = np.array([500.0, 400.0, 300.0]), np.array([50.0, 55.0, 20.0])
    whole = chi_squared(Proportion(n=n, sum=clicks))
    found = cochran_mantel_haenszel(Proportion(n=n[None], sum=clicks[None]))
    assert found.statistic == pytest.approx(whole.statistic * 1_199 / 1_200, rel=1e-10)
    # A rate is the mean of zeros and ones.
    mean = Mean(n=n[None], sum=clicks[None], sum_squares=clicks[None])
    assert cochran_mantel_haenszel(mean).statistic == pytest.approx(found.statistic)


def test_arms_of_other_times_do_not_differ_within_phases():
    """The rate falls while the arm's share grows: pooled, they differ."""
    n = np.array([[9_000.0, 1_000.0], [5_000.0, 5_000.0]])
    clicks = n * [[0.1], [0.03]]
    assert cochran_mantel_haenszel(Proportion(n=n, sum=clicks)).p_value == pytest.approx(1)
    assert chi_squared(Proportion(n=n.sum(axis=0), sum=clicks.sum(axis=0))).p_value < 1e-6


@pytest.mark.parametrize(
    ("n", "clicks", "reason"),
    [
        ([[10, 0], [0, 10]], [[5, 0], [0, 5]], Reason.NO_VISITORS),
        ([[10, 10]], [[0, 0]], Reason.NO_VARIANCE),
    ],
)
def test_cochran_mantel_haenszel_says_why_it_has_no_figure(n, clicks, reason):
    found = cochran_mantel_haenszel(Proportion(n=np.array(n), sum=np.array(clicks)))
    assert found.statistic is None
    assert found.reason == reason.sentence
