import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.stats.sequential.click_e_values import click_lift_interval, click_log_e_value
from experiments.stats.sequential.phased_click_e_values import (
    phased_click_lift_interval,
    phased_click_log_e_value,
)


def arrays(*values):
    return tuple(np.array([value], dtype=float) for value in values)


def test_two_phases_of_one_share_are_one_phase():
    control, arm, share = arrays([3, 5], [9, 6], [0.4, 0.4])
    phased = phased_click_log_e_value((control, arm), share=share)[0]
    # The mixture's 200 ratios stand for its density.
    assert phased == pytest.approx(float(click_log_e_value((8, 15), share=0.4)), abs=0.02)
    ends = phased_click_lift_interval((control, arm), share=share, log_threshold=np.array([3.0]))
    expected = click_lift_interval((8, 15), share=0.4, log_threshold=3.0)
    for end, one in zip(ends, expected, strict=True):
        assert end[0] == pytest.approx(float(one), abs=0.03)


def test_one_phase_is_the_closed_formula():
    control, arm, share = arrays([3], [12], [0.5])
    assert phased_click_log_e_value((control, arm), share=share)[0] == click_log_e_value(
        (3, 12), share=0.5
    )


def test_clicks_that_follow_the_shares_of_their_phases_are_no_evidence():
    control, arm, share = arrays([27, 6], [3, 6], [0.1, 0.5])
    assert phased_click_log_e_value((control, arm), share=share)[0] < 0
    # Added up, the arm seems to lag behind the last phase's share.
    assert click_log_e_value((33, 9), share=0.5) > np.log(20)


def test_no_click_is_no_evidence():
    control, arm, share = arrays([0, 0], [0, 0], [0.1, 0.5])
    assert phased_click_log_e_value((control, arm), share=share)[0] == pytest.approx(0, abs=1e-9)


def test_dead_arms_have_open_intervals():
    share = np.array([[0.1, 0.5]])
    for control, arm in (([9.0, 9], [0.0, 0]), ([0.0, 0], [9.0, 9])):
        low, high = phased_click_lift_interval(
            (np.array([control]), np.array([arm])), share=share, log_threshold=np.array([3.0])
        )
        assert (low[0] == -1) == (sum(arm) == 0)
        assert np.isinf(high[0]) == (sum(control) == 0)


@pytest.mark.slow
def test_evidence_against_equal_arms_rarely_reaches_its_threshold():
    rng = np.random.default_rng(41)
    runs, looks = 1_000, 60
    phase = np.repeat([0, 1, 2], looks // 3)
    share = np.array([0.1, 0.5, 0.3])
    # A click a look, from the arm as its phase's share says.
    from_arm = rng.random((runs, looks)) < share[phase]
    at = phase[:, None] == np.arange(3)
    arm = (from_arm[..., None] & at).cumsum(axis=1).astype(float)
    control = (~from_arm[..., None] & at).cumsum(axis=1).astype(float)
    log_e = phased_click_log_e_value((control, arm), share=np.broadcast_to(share, arm.shape))
    alarms = int((log_e >= np.log(20)).any(axis=1).sum())
    assert binomtest(alarms, runs, 0.05, "greater").pvalue > 0.001


def test_experiments_of_different_shares_are_read_each_by_its_own():
    rng = np.random.default_rng(42)
    share = np.array([[0.1, 0.5], [0.5, 0.5], [0.1, 0.5], [0.3, 0.1]])
    control, arm = rng.poisson(6.0, (2, 5, 4, 2)).astype(float)
    both = phased_click_log_e_value((control, arm), share=np.broadcast_to(share, arm.shape))
    for place in np.ndindex(both.shape):
        one = (control[place][None], arm[place][None])
        alone = phased_click_log_e_value(one, share=share[place[1]][None])
        assert both[place] == pytest.approx(alone[0], rel=1e-12, abs=1e-12)
