import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from experiments.stats.health.sample_ratio import (
    check_shares,
    check_srm,
    check_srm_phases,
    check_srm_sequential,
)


@pytest.mark.parametrize(
    ("counts", "shares", "expected"),
    [
        ([5000, 5200], [0.5, 0.5], 0.0476703807),
        ([5100, 4900], [0.5, 0.5], 0.0455002639),
        ([5200, 4800], [0.5, 0.5], 6.334248e-5),
        ([3400, 3300, 3300], [1 / 3, 1 / 3, 1 / 3], 0.3678794412),
        ([2600, 2500, 2500, 2400], [0.25] * 4, 0.0460117057),
    ],
)
def test_srm_matches_the_reference(counts, shares, expected):
    assert check_srm(counts, shares).p_value == pytest.approx(expected, rel=1e-7)


@given(st.lists(st.integers(10, 10**12), min_size=2, max_size=20))
def test_srm_matches_scipy(counts):
    shares = np.full(len(counts), 1 / len(counts))
    expected = chisquare(counts, sum(counts) * shares)
    check = check_srm(counts, shares)
    assert check.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert check.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-300)


def test_srm_ignores_an_arm_without_share():
    with_third = check_srm([5000, 5200, 0], [0.5, 0.5, 0.0])
    assert with_third == check_srm([5000, 5200], [0.5, 0.5])


def test_srm_of_visitors_in_an_arm_without_share_is_certain():
    check = check_srm([5000, 5000, 1], [0.5, 0.5, 0.0])
    assert check.p_value == 0.0
    assert check.is_mismatch


def test_srm_pools_no_phases():
    counts, shares = [[900, 100], [520, 480]], [[0.9, 0.1], [0.5, 0.5]]
    check = check_srm_phases(counts, shares)
    assert check.dof == 2
    assert check.statistic == pytest.approx(chisquare([520, 480]).statistic)
    assert not check.is_mismatch


def test_srm_skips_a_phase_without_visitors():
    check = check_srm_phases([[0, 0], [5000, 5200]], [[0.9, 0.1], [0.5, 0.5]])
    assert check == check_srm([5000, 5200], [0.5, 0.5])


@pytest.mark.parametrize(
    ("counts", "shares", "reason"),
    [
        ([0, 0], [0.5, 0.5], "no visitors"),
        ([4, 5], [0.5, 0.5], "fewer than 5 visitors"),
        ([9, 0], [1.0, 0.0], "Fewer than two arms"),
    ],
)
def test_srm_is_undefined_with_a_reason(counts, shares, reason):
    check = check_srm(counts, shares)
    assert check.p_value is None
    assert not check.is_mismatch
    assert reason in check.reason


@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ([5], [1.0], "counts must name two arms"),
        ([5, -1], [0.5, 0.5], "counts must be whole numbers"),
        ([5, 1.5], [0.5, 0.5], "counts must be whole numbers"),
        ([5, float("inf")], [0.5, 0.5], "counts must be whole numbers"),
        ([5, 5], [0.5, 0.25, 0.25], "shares must have one number for each of the 2 arms"),
        ([5, 5], [1.5, -0.5], "shares must lie between 0 and 1"),
        ([5, 5], [0.5, float("nan")], "shares must lie between 0 and 1"),
        ([5, 5], [0.5, 0.4], "shares must sum to 1"),
    ],
)
def test_srm_refuses_bad_input(counts, shares, message):
    with pytest.raises(ValueError, match=message):
        check_srm(counts, shares)


@pytest.mark.parametrize(("counts", "shares"), [([], []), ([[5, 5]], [])])
def test_srm_phases_need_their_shares(counts, shares):
    with pytest.raises(ValueError, match="shares must have one row for each"):
        check_srm_phases(counts, shares)


def test_shares_of_thirds_are_normalised():
    assert check_shares([0.3333333, 0.3333333, 0.3333333], 3).sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.slow
def test_srm_false_alarm_rate_is_nominal():
    rng = np.random.default_rng(20_240_501)
    shares, n_experiments = [0.5, 0.3, 0.2], 4_000
    counts = rng.multinomial(10_000, shares, size=n_experiments)
    alarms = sum(check_srm(row, shares).p_value < 0.05 for row in counts)
    assert binomtest(alarms, n_experiments, 0.05).pvalue > 0.001


@pytest.mark.parametrize(
    ("concentration", "expected"), [(2, 3.6219), (100, 5.6136), (1000, 6.0758)]
)
def test_sequential_srm_matches_the_reference(concentration, expected):
    check = check_srm_sequential([[5200, 4800]], [[0.5, 0.5]], concentration=concentration)
    assert check.statistic == pytest.approx(expected, abs=5e-5)
    assert check.p_value == pytest.approx(np.exp(-check.statistic))


def test_sequential_srm_is_a_martingale():
    """From any state, the next visitor leaves the Bayes factor unchanged in the mean."""
    shares = [0.5, 0.3, 0.2]
    now = check_srm_sequential([[7, 2, 1]], [shares], concentration=9).statistic
    later = [
        check_srm_sequential([counts], [shares], concentration=9).statistic
        for counts in ([8, 2, 1], [7, 3, 1], [7, 2, 2])
    ]
    assert np.array(shares) @ np.exp(later) == pytest.approx(np.exp(now), rel=1e-9)


def test_sequential_srm_multiplies_over_phases():
    one = check_srm_sequential([[900, 100]], [[0.9, 0.1]]).statistic
    two = check_srm_sequential([[520, 480]], [[0.5, 0.5]]).statistic
    both = check_srm_sequential([[900, 100], [520, 480]], [[0.9, 0.1], [0.5, 0.5]])
    assert both.statistic == pytest.approx(one + two)


def test_sequential_srm_keeps_what_was_proved():
    check = check_srm_sequential([[5000, 5000]], [[0.5, 0.5]], largest_before=8.0)
    assert check.p_value == pytest.approx(np.exp(-8.0))


def test_sequential_srm_edges():
    assert check_srm_sequential([[0, 0]], [[0.5, 0.5]]).p_value is None
    assert check_srm_sequential([[5, 5, 1]], [[0.5, 0.5, 0.0]]).p_value == 0.0
    assert check_srm_sequential([[1, 0]], [[0.5, 0.5]]).p_value == pytest.approx(1.0)


@pytest.mark.parametrize("concentration", [0, -1, float("inf"), float("nan")])
def test_sequential_srm_refuses_concentration(concentration):
    with pytest.raises(ValueError, match="concentration must be positive"):
        check_srm_sequential([[5, 5]], [[0.5, 0.5]], concentration=concentration)


@pytest.mark.slow
def test_sequential_srm_may_be_repeated_daily_where_the_chi_squared_may_not():
    rng = np.random.default_rng(20)
    shares, days, runs = np.array([0.5, 0.5]), 40, 400
    counts = rng.multinomial(500, shares, (runs, days)).cumsum(axis=1)
    sequential = sum(
        any(check_srm_sequential([day], [shares]).p_value < 0.05 for day in run) for run in counts
    )
    repeated = sum(any(check_srm(day, shares).p_value < 0.05 for day in run) for run in counts)
    assert binomtest(sequential, runs, 0.05, "greater").pvalue > 0.001
    assert repeated > 0.15 * runs
