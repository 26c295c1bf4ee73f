import numpy as np
import pytest
from scipy import stats

from experiments.stats.estimation.sufficient_statistics import Mean, Proportion
from experiments.stats.frequentist.dunnett import compare_dunnett, critical_value, exceedance


@pytest.mark.parametrize(
    ("arms", "dof", "expected"),
    # Dunnett (1964), Biometrics 20, table II: two-sided 5 %, equal group sizes.
    [
        (1, np.inf, 1.96), (2, np.inf, 2.21), (3, np.inf, 2.35), (4, np.inf, 2.44),
        (9, np.inf, 2.69), (2, 10, 2.57), (4, 20, 2.65), (2, 60, 2.27),
    ],
)  # fmt: skip
def test_critical_values_match_the_published_table(arms, dof, expected):
    assert critical_value(0.05, np.full(arms, np.sqrt(0.5)), dof) == pytest.approx(
        expected, abs=0.006
    )


def test_exceedance_matches_scipy_multivariate_normal():
    loading = np.sqrt([0.3, 0.5, 0.8])
    covariance = np.outer(loading, loading)
    np.fill_diagonal(covariance, 1)
    normal = stats.multivariate_normal(np.zeros(3), covariance, seed=1, abseps=1e-8, maxpts=10**6)
    inside = normal.cdf(np.full(3, 2.2), lower_limit=np.full(3, -2.2))
    assert exceedance(2.2, loading) == pytest.approx(1 - inside, abs=1e-5)


def test_p_values_match_scipy_dunnett():
    rng = np.random.default_rng(12)
    samples = [rng.normal(mean, 1, 60) for mean in (0, 0.3, 0.5, 0.1)]
    arms = Mean(
        n=np.full(4, 60.0),
        sum=np.array([s.sum() for s in samples]),
        sum_squares=np.array([(s**2).sum() for s in samples]),
    )
    expected = stats.dunnett(*samples[1:], control=samples[0], random_state=1)
    # scipy pools the variance of all arms; Welch's has fewer degrees of freedom.
    assert compare_dunnett(arms).p_value == pytest.approx(expected.pvalue, abs=0.03)


def test_one_arm_is_the_single_test():
    assert exceedance(2.0, np.array([0.7])) == pytest.approx(2 * stats.norm.sf(2.0), rel=1e-6)
    assert exceedance(2.0, np.array([0.7]), 7) == pytest.approx(2 * stats.t.sf(2.0, 7), rel=1e-4)


def test_tiny_p_values_fall_back_on_bonferroni():
    assert exceedance(8.0, np.full(3, 0.7)) == pytest.approx(6 * stats.norm.sf(8.0), rel=1e-9)


def test_intervals_agree_with_p_values():
    arms = Proportion(n=np.full(3, 1000.0), sum=np.array([100.0, 130.0, 128.0]))
    for row in compare_dunnett(arms, alpha=0.05).rows():
        assert (row.p_value <= 0.05) == (row.effect_interval[0] > 0)


def test_undefined_arm_stays_out_of_the_family():
    arms = Proportion(n=np.array([1000.0, 1000.0, 0.0]), sum=np.array([100.0, 130.0, 0.0]))
    known, unknown = compare_dunnett(arms).rows()
    alone = compare_dunnett(Proportion(n=np.full(2, 1000.0), sum=np.array([100.0, 130.0])))
    assert known.p_value == pytest.approx(alone.rows()[0].p_value, rel=1e-9)
    assert unknown.p_value is None
    assert "no visitors" in unknown.reason


def test_no_defined_arm_gives_no_number():
    rows = compare_dunnett(Proportion(n=np.zeros(3), sum=np.zeros(3))).rows()
    assert [row.p_value for row in rows] == [None, None]


def test_dunnett_needs_one_experiment():
    with pytest.raises(ValueError, match="arms must be one experiment's"):
        compare_dunnett(Proportion(n=np.full((2, 2), 9.0), sum=np.full((2, 2), 3.0)))


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
