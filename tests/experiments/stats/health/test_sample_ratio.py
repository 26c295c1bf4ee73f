import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import binomtest, chisquare, dirichlet_multinomial, multinomial

from experiments.stats.health.sample_ratio import (
    COMMON_PART,
    CONCENTRATION,
    LOG_FACTORS,
    LOG_WEIGHTS,
    SRM_ALPHA,
    check_shares,
    check_srm,
    check_srm_sequential,
    log_e_values,
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
def test_phases_need_their_shares(counts, shares):
    with pytest.raises(ValueError, match="shares must have one row for each"):
        check_srm_sequential(counts, shares)


def test_shares_of_thirds_are_normalised():
    assert check_shares([0.3333333, 0.3333333, 0.3333333], 3).sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.slow
def test_srm_false_alarm_rate_is_nominal():
    rng = np.random.default_rng(20_240_501)
    shares, n_experiments = [0.5, 0.3, 0.2], 4_000
    counts = rng.multinomial(10_000, shares, size=n_experiments)
    alarms = sum(check_srm(row, shares).p_value < 0.05 for row in counts)
    assert binomtest(alarms, n_experiments, 0.05).pvalue > 0.001


def by_definition(counts, shares):
    """Return the ln e-value as a mixture of likelihood ratios, by scipy's distributions."""
    null = sum(multinomial.logpmf(n, n.sum(), p) for n, p in zip(counts, shares, strict=True))
    anew = sum(
        dirichlet_multinomial.logpmf(n, CONCENTRATION * p, n.sum())
        for n, p in zip(counts, shares, strict=True)
    )
    arms = shares.shape[1]
    parts = []
    for weight, factor in zip(LOG_WEIGHTS, np.exp(LOG_FACTORS), strict=True):
        for arm in range(arms):
            other = shares * np.where(np.arange(arms) == arm, factor, 1.0)
            other /= other.sum(axis=1, keepdims=True)
            rows = zip(counts, other, strict=True)
            likelihood = sum(multinomial.logpmf(n, n.sum(), p) for n, p in rows)
            parts.append(weight - np.log(arms) + likelihood)
    return np.logaddexp(
        np.log(COMMON_PART) + logsumexp(parts), np.log(1 - COMMON_PART) + anew
    ) - np.sum(null)


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        ([[5200, 4800]], [[0.5, 0.5]]),
        ([[912, 88], [505, 495]], [[0.9, 0.1], [0.5, 0.5]]),
        (
            [[70, 20, 10], [30, 30, 45], [0, 0, 1]],
            [[0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]],
        ),
    ],
)
def test_sequential_srm_is_the_mixture_that_it_says(counts, shares):
    check = check_srm_sequential(counts, shares)
    expected = by_definition(np.array(counts), np.array(shares))
    assert check.statistic == pytest.approx(expected, rel=1e-9)
    assert check.p_value == pytest.approx(min(np.exp(-expected), 1))


def test_sequential_srm_is_a_martingale():
    """From any state, the next visitor of any phase leaves the e-value unchanged in the mean."""
    shares = np.array([[0.5, 0.3, 0.2], [0.8, 0.2, 0.0]])
    state = np.array([[7, 2, 1], [30, 4, 0]])
    now = check_srm_sequential(state, shares).statistic
    for phase in (0, 1):
        later = 0.0
        for arm in np.flatnonzero(shares[phase]):
            counts = state.copy()
            counts[phase, arm] += 1
            e_value = np.exp(check_srm_sequential(counts, shares).statistic)
            later += shares[phase, arm] * e_value
        assert later == pytest.approx(np.exp(now), rel=1e-9)


def test_weights_of_the_factors_sum_to_one():
    assert np.exp(LOG_WEIGHTS).sum() == pytest.approx(1)


def test_sequential_srm_adds_small_deviations_over_phases():
    shares = [[0.6, 0.4], [0.4, 0.6]] * 250
    counts = [[122, 78], [82, 118]] * 250
    assert check_srm_sequential(counts, shares).is_mismatch


def test_sequential_srm_finds_deviations_that_cancel_over_phases():
    """Changed shares that never reached the site: still halves in every phase."""
    shares, counts = [[0.6, 0.4], [0.4, 0.6]], [[500, 500], [500, 500]]
    assert check_srm_sequential(counts, shares).is_mismatch


def test_phases_whose_shares_were_kept_are_no_mismatch():
    check = check_srm_sequential([[900, 100], [500, 500]], [[0.9, 0.1], [0.5, 0.5]])
    assert check.p_value == 1.0


def test_a_phase_without_visitors_tells_nothing():
    check = check_srm_sequential([[0, 0], [5000, 5200]], [[0.9, 0.1], [0.5, 0.5]])
    assert check == check_srm_sequential([[5000, 5200]], [[0.5, 0.5]])


def test_sequential_srm_edges():
    assert "no visitors" in check_srm_sequential([[0, 0]], [[0.5, 0.5]]).reason
    assert check_srm_sequential([[5, 5, 1]], [[0.5, 0.5, 0.0]]).p_value == 0.0
    assert check_srm_sequential([[1, 0]], [[0.5, 0.5]]).p_value == pytest.approx(1.0)
    assert "Fewer than two arms" in check_srm_sequential([[9, 0]], [[1.0, 0.0]]).reason


def test_an_arm_without_share_in_any_phase_takes_no_part():
    with_third = check_srm_sequential([[5000, 5200, 0]], [[0.5, 0.5, 0.0]])
    assert with_third == check_srm_sequential([[5000, 5200]], [[0.5, 0.5]])


def test_many_experiments_are_checked_as_each_one_by_itself():
    rng = np.random.default_rng(20_261_129)
    shares = np.array([[0.5, 0.3, 0.2], [0.8, 0.2, 0.0], [0.1, 0.2, 0.7]])
    true = np.array([[0.5, 0.3, 0.2], [0.7, 0.3, 0.0], [0.1, 0.2, 0.7]])
    counts = rng.multinomial(rng.integers(0, 1_000, (20, 5, 3)), true)
    found = log_e_values(counts, shares)
    assert found.shape == (20, 5)
    for place in np.ndindex(found.shape):
        check = check_srm_sequential(counts[place], shares)
        assert found[place] == pytest.approx(check.statistic, rel=1e-9, abs=1e-9)
        assert are_mismatches(counts[place], shares) == check.is_mismatch


def are_mismatches(counts, shares):
    """Return the verdict of `check_srm_sequential` on each of many experiments."""
    return np.exp(-log_e_values(counts, shares)) < SRM_ALPHA


@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ([[5, 5], [5, -1]], [[0.5, 0.5]] * 2, r"counts must be whole numbers.*\[5, -1\]"),
        ([[5, 5], [5, 5]], [[0.5, 0.5], [0.6, 0.6]], r"shares must sum to 1.*\[0.6, 0.6\]"),
        ([[5, 5], [5, 5]], [[0.5, 0.5], [1.5, -0.5]], "shares must lie between 0 and 1"),
        ([[5], [5]], [[1.0], [1.0]], "counts must name two arms"),
        ([[5, 5], [5, 5]], [[0.5, 0.5], [1.0]], "one number for each of the 2 arms"),
    ],
)
def test_error_names_the_phase_that_is_wrong(counts, shares, message):
    with pytest.raises(ValueError, match=message):
        check_srm_sequential(counts, shares)


def random_phases(rng, phases, arms):
    """Return shares that change from phase to phase, of shape (phases, arms)."""
    if phases == 1:
        return np.full((1, arms), 1 / arms)
    return rng.dirichlet(np.full(arms, 10.0), phases) * 0.5 + 0.5 / arms


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 5])
@pytest.mark.parametrize("phases", [1, 28, 100, 500])
def test_one_point_off_in_100_000_visitors_is_found_over_any_number_of_phases(phases, arms):
    rng = np.random.default_rng(20_261_128)
    runs, found = 300, 0
    for _ in range(runs):
        shares = random_phases(rng, phases, arms)
        true = shares.copy()
        true[:, 0] += 0.01
        true[:, 1:] -= 0.01 * shares[:, 1:] / shares[:, 1:].sum(axis=1, keepdims=True)
        counts = rng.multinomial(100_000 // phases, true)
        found += check_srm_sequential(counts, shares).is_mismatch
    assert found >= 0.9 * runs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shares", "phases"), [([0.5, 0.5], 1), ([0.9, 0.1], 1), ([0.4, 0.3, 0.15, 0.1, 0.05], 20)]
)
def test_a_right_split_alarms_in_at_most_one_of_1_000_over_60_daily_looks(shares, phases):
    rng = np.random.default_rng(20_261_128)
    runs, days = 1_000, 60
    every = np.stack([np.roll(shares, phase) for phase in range(phases)])
    counts = np.zeros((runs, *every.shape))
    has_alarm = np.zeros(runs, dtype=bool)
    for phase in np.arange(days) * phases // days:
        counts[:, phase] += rng.multinomial(1_000, every[phase], size=runs)
        has_alarm |= are_mismatches(counts, every)
    assert binomtest(int(has_alarm.sum()), runs, 0.001, "greater").pvalue > 0.001


@pytest.mark.slow
def test_sequential_srm_may_be_repeated_daily_where_the_chi_squared_may_not():
    rng = np.random.default_rng(20)
    shares, days, runs = np.array([0.5, 0.5]), 40, 400
    counts = rng.multinomial(500, shares, (runs, days)).cumsum(axis=1)
    sequential = (log_e_values(counts[:, :, None], shares[None]) > np.log(1 / 0.05)).any(axis=1)
    assert binomtest(int(sequential.sum()), runs, 0.05, "greater").pvalue > 0.001
    # `check_srm` is this test, as another test shows.
    once = chisquare(counts, counts.sum(axis=-1, keepdims=True) * shares, axis=-1).pvalue
    assert (once < 0.05).any(axis=1).sum() > 0.15 * runs
