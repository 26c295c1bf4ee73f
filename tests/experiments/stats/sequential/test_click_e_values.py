import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from experiments.stats.sequential.click_e_values import (
    click_lift_interval,
    click_lift_lower_bound,
    click_lift_upper_bound,
    click_log_e_value,
)

counts = st.integers(0, 200)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_e_values_have_mean_one_under_no_effect(share):
    """Summed over every split of 30 clicks: no simulation, no tolerance but rounding."""
    arm = np.arange(31)
    e_values = np.exp(click_log_e_value((30 - arm, arm), share=share))
    assert stats.binom.pmf(arm, 30, share) @ e_values == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_e_values_are_a_martingale(share):
    """From any state, the next click leaves E unchanged in the mean."""
    control, arm = (part.ravel() for part in np.meshgrid(np.arange(40), np.arange(40)))
    now = np.exp(click_log_e_value((control, arm), share=share))
    to_arm = np.exp(click_log_e_value((control, arm + 1), share=share))
    to_control = np.exp(click_log_e_value((control + 1, arm), share=share))
    assert share * to_arm + (1 - share) * to_control == pytest.approx(now, rel=1e-9)


def test_e_value_of_a_uniform_mixture_matches_quadrature():
    grid = (np.arange(200_000) + 0.5) / 200_000
    mixture = stats.binom.pmf(7, 9, grid).mean() / stats.binom.pmf(7, 9, 0.5)
    assert click_log_e_value((2, 7), share=0.5) == pytest.approx(np.log(mixture), rel=1e-9)


@given(counts, counts, st.floats(0.05, 0.95), st.floats(1e-6, 0.5))
def test_lift_interval_excludes_zero_exactly_when_the_e_value_rejects(control, arm, share, alpha):
    threshold = -np.log(alpha)
    log_e = click_log_e_value((control, arm), share=share)
    low, high = click_lift_interval((control, arm), share=share, log_threshold=threshold)
    if abs(log_e - threshold) > 1e-6:
        assert (low > 0 or high < 0) == (log_e > threshold)


@given(counts, counts, st.floats(0.05, 0.95))
def test_swapping_the_arms_inverts_the_lift(control, arm, share):
    low, high = click_lift_interval((control, arm), share=share, log_threshold=3.0)
    other = click_lift_interval((arm, control), share=1 - share, log_threshold=3.0)
    with np.errstate(divide="ignore"):
        assert 1 / (1 + np.array([high, low])) - 1 == pytest.approx(other, rel=1e-6, abs=1e-9)


def test_lift_interval_is_unbounded_without_a_click_of_the_control():
    low, high = click_lift_interval((0, 30), share=0.5, log_threshold=3.0)
    assert low > 0
    assert np.isinf(high)


def test_lift_interval_starts_at_minus_one_without_a_click_of_the_arm():
    low, high = click_lift_interval((30, 0), share=0.5, log_threshold=3.0)
    assert low == -1
    assert high < 0


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_share_must_be_inside_the_unit_interval(share):
    with pytest.raises(ValueError, match="share must lie between 0 and 1"):
        click_log_e_value((1, 1), share=share)
    with pytest.raises(ValueError, match="share must lie between 0 and 1"):
        click_lift_interval((1, 1), share=share, log_threshold=3.0)


@pytest.mark.slow
def test_lift_interval_covers_at_every_click_together():
    rng = np.random.default_rng(15)
    runs, looks, lift, share, alpha = 4_000, 120, 0.5, 0.3, 0.05
    probability = share * (1 + lift) / (1 - share + share * (1 + lift))
    arm = rng.binomial(1, probability, (runs, looks)).cumsum(axis=1)
    control = np.arange(1, looks + 1) - arm
    missed = click_log_e_value((control, arm), share=share, probability=probability)
    rejected = (missed >= -np.log(alpha)).any(axis=1)
    low, high = click_lift_interval((control, arm), share=share, log_threshold=-np.log(alpha))
    outside = ((low > lift + 1e-9) | (high < lift - 1e-9)).any(axis=1)
    assert (outside <= rejected).all()
    assert stats.binomtest(int(rejected.sum()), runs, alpha, "greater").pvalue > 0.001


def upper(control, arm, *, share=0.5, alpha=0.05):
    return click_lift_upper_bound(([control], [arm]), share=[share], log_threshold=-np.log(alpha))


@pytest.mark.parametrize(("control", "arm", "share"), [(30, 10, 0.5), (40, 3, 0.2), (5, 0, 0.7)])
def test_upper_bound_is_where_the_lower_part_of_the_mixture_rejects(control, arm, share):
    high = float(upper(control, arm, share=share, alpha=0.1))

    def likelihood(log_ratio):
        odds = share / (1 - share) * np.exp(log_ratio)
        return odds**arm / (1 + odds) ** (control + arm)

    limit = np.log1p(high)
    below, _ = integrate.quad(lambda r: likelihood(r) * stats.logistic.pdf(r), -20, limit)
    gain = below / stats.logistic.cdf(limit) / likelihood(limit)
    assert gain == pytest.approx(10, rel=0.05)


def test_upper_bound_holds_at_every_look():
    rng, runs = np.random.default_rng(20_261_128), 1_000
    arm = (rng.random((runs, 300)) < 0.5).cumsum(axis=1)
    looks = np.arange(5, 300, 12)
    clicks = ((looks + 1 - arm[:, looks])[..., None], arm[:, looks][..., None])
    high = click_lift_upper_bound(clicks, share=[0.5], log_threshold=np.log(20))
    missed = int((high < 0).any(axis=1).sum())
    assert stats.binomtest(missed, runs, 0.05, "greater").pvalue > 0.001
    assert missed > 0


@given(counts, counts, st.floats(0.05, 0.95))
def test_lower_bound_mirrors_the_upper_one(control, arm, share):
    clicks = ([control], [arm])
    low = click_lift_lower_bound(clicks, share=[share], log_threshold=3.0)
    high = click_lift_upper_bound(clicks, share=[share], log_threshold=3.0)
    assert -1 <= low < high


def test_bounds_end_without_clicks():
    assert np.isinf(upper(0, 10))
    assert click_lift_lower_bound(([10], [0]), share=[0.5], log_threshold=3.0) == -1


def test_phases_with_like_shares_are_one():
    both = click_lift_upper_bound(([20, 40], [5, 15]), share=[0.5, 0.5], log_threshold=3.0)
    once = click_lift_upper_bound(([60], [20]), share=[0.5], log_threshold=3.0)
    assert both == pytest.approx(float(once), rel=1e-9)


def test_changed_shares_are_no_lift():
    """Clicks split as 9:1 and then as 1:1, at different rates: as the shares do."""
    clicks = ([900, 300], [100, 300])
    high = click_lift_upper_bound(clicks, share=[0.1, 0.5], log_threshold=np.log(20))
    low = click_lift_lower_bound(clicks, share=[0.1, 0.5], log_threshold=np.log(20))
    assert low < 0 < high
