import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from experiments.stats.srm import check_shares, check_srm, check_srm_phases


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
