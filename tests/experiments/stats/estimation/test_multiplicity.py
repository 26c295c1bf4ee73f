import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from experiments.stats.estimation.multiplicity import CORRECTIONS, adjust_p_values, interval_levels

P_VALUES = np.array([0.01, 0.04, 0.03, 0.005])
PEERS = {"holm": "holm", "hochberg": "simes-hochberg", "bh": "fdr_bh", "by": "fdr_by"}
families = arrays(float, st.integers(1, 8), elements=st.floats(1e-12, 1))


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("none", [0.01, 0.04, 0.03, 0.005]),
        ("holm", [0.03, 0.06, 0.06, 0.02]),
        ("hochberg", [0.03, 0.04, 0.04, 0.02]),
        ("bh", [0.02, 0.04, 0.04, 0.02]),
        ("by", [0.041666667, 0.083333333, 0.083333333, 0.041666667]),
    ],
)
def test_adjusted_p_values_match_the_reference(correction, expected):
    assert adjust_p_values(P_VALUES, correction) == pytest.approx(expected, rel=1e-8)


@given(families, st.sampled_from(sorted(PEERS)))
def test_adjusted_p_values_match_statsmodels(p_values, correction):
    expected = multipletests(p_values, method=PEERS[correction])[1]
    assert adjust_p_values(p_values, correction) == pytest.approx(expected, rel=1e-9)


@given(families)
def test_bh_matches_scipy(p_values):
    expected = false_discovery_control(p_values)
    assert adjust_p_values(p_values, "bh") == pytest.approx(expected, rel=1e-9)


def test_families_lie_on_the_last_axis():
    both = adjust_p_values(np.stack([P_VALUES, P_VALUES[::-1]]), "holm")
    assert both == pytest.approx(np.array([[0.03, 0.06, 0.06, 0.02], [0.02, 0.06, 0.06, 0.03]]))


def test_undefined_p_value_stays_undefined_but_counts():
    adjusted = adjust_p_values(np.array([0.01, np.nan]), "holm")
    assert adjusted[0] == pytest.approx(0.02)
    assert np.isnan(adjusted[1])


def test_empty_family_stays_empty():
    assert adjust_p_values(np.empty((3, 0)), "bh").shape == (3, 0)
    assert interval_levels(np.empty(0), "holm", 0.05).shape == (0,)


def test_correction_must_be_known():
    with pytest.raises(ValueError, match=r"correction must be one of none, holm, .*: 'sidak'"):
        adjust_p_values(P_VALUES, "sidak")


@pytest.mark.parametrize("bad", [-0.1, 1.1])
def test_p_values_must_lie_in_the_unit_interval(bad):
    with pytest.raises(ValueError, match="p_values must lie in"):
        adjust_p_values(np.array([bad]), "holm")


def test_interval_levels_refuse_alpha():
    with pytest.raises(ValueError, match="alpha must lie"):
        interval_levels(P_VALUES, "holm", 1.0)


@given(families, st.sampled_from(CORRECTIONS), st.floats(0.001, 0.3))
def test_intervals_at_these_levels_agree_with_the_adjusted_verdict(p_values, correction, alpha):
    adjusted = adjust_p_values(p_values, correction)
    level = interval_levels(p_values, correction, alpha)
    # An interval at level 1 - a excludes "no effect" exactly when p <= a.
    clear = np.abs(adjusted - alpha) > 1e-9
    assert ((p_values <= level * (1 + 1e-12)) == (adjusted <= alpha))[clear].all()
    assert ((level > 0) & (level <= alpha * (1 + 1e-12))).all()


def test_holm_intervals_are_simultaneous_where_bonferroni_already_decides():
    levels = interval_levels(np.array([0.001, 0.9]), "holm", 0.05)
    assert levels == pytest.approx([0.025, 0.025])


def test_holm_interval_of_a_later_step_uses_that_step():
    levels = interval_levels(np.array([0.001, 0.04]), "holm", 0.05)
    assert levels == pytest.approx([0.025, 0.05])
