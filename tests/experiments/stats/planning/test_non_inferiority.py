import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.lift_intervals import fieller_interval
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.planning.non_inferiority import (
    NonInferiorityDesign,
    excluded_margin,
    power_of_each,
    visitors_to_exclude,
)

NEEDED = stats.norm.isf(0.05) + stats.norm.ppf(0.8)


def test_size_is_the_textbook_one_for_a_small_margin():
    """Julious (2004), equation 17: 2 (z + z)^2 sigma^2 / d^2 an arm, with d = margin x base."""
    design = NonInferiorityDesign(base=0.2, needed=NEEDED)
    textbook = 4 * NEEDED**2 * 0.2 * 0.8 / (0.001 * 0.2) ** 2
    assert visitors_to_exclude(design, 0.001) == pytest.approx(textbook, rel=2e-3)


@given(
    base=st.floats(0.01, 0.9),
    margin=st.floats(0.01, 0.9),
    share=st.floats(0.1, 0.9),
    higher_is_better=st.booleans(),
)
def test_margin_and_visitors_are_inverse(base, margin, share, higher_is_better):
    design = NonInferiorityDesign(
        base=base, needed=2.5, shares=(share, 1 - share), higher_is_better=higher_is_better
    )
    n = visitors_to_exclude(design, margin)
    found = excluded_margin(design, n)
    # So few visitors that the control cannot be told from 0 exclude no margin.
    assert found is None or found == pytest.approx(margin, rel=1e-6)
    assert found is not None or design.noise / n / share >= 1


def test_too_few_visitors_exclude_nothing():
    assert excluded_margin(NonInferiorityDesign(base=0.01, needed=NEEDED), 100) is None


def test_values_need_their_variance():
    rate = NonInferiorityDesign(base=0.2, needed=NEEDED)
    values = NonInferiorityDesign(base=2.0, variance=16.0, needed=NEEDED)
    # The same coefficient of variation.
    assert visitors_to_exclude(values, 0.05) == pytest.approx(visitors_to_exclude(rate, 0.05))


def test_misses_of_all_metrics_add_up():
    assert power_of_each(0.8, 0) == 0.8
    assert 4 * (1 - power_of_each(0.8, 3)) == pytest.approx(0.2)


@pytest.mark.parametrize("margin", [0.05, 0.3])
def test_harmless_arm_is_held_with_the_wanted_power(margin):
    rng, runs, base = np.random.default_rng(20_261_128), 4_000, 0.1
    n = visitors_to_exclude(NonInferiorityDesign(base=base, needed=NEEDED), margin)
    visitors = np.full((runs, 2), round(n / 2), dtype=float)
    count = rng.binomial(visitors.astype(int), base).astype(float)
    contrast = contrasts(raw_estimates(Proportion(n=visitors, sum=count)))
    low, _, _ = fieller_interval(contrast, np.array(stats.norm.isf(0.05)))
    held = int((low[:, 0] > -margin).sum())
    # Planned at the control's true variance: within two points of 80 %.
    assert held / runs == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": 0}, "base must be finite and not 0"),
        ({"base": 1.5}, "base must be in"),
        ({"needed": 0}, "needed must be positive"),
        ({"variance": -1.0}, "variance must be positive"),
        ({"shares": (1.0, 0.0)}, "shares must be in"),
    ],
)
def test_design_refuses_numbers_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        NonInferiorityDesign(**({"base": 0.1, "needed": 2.5} | changes))


def test_arguments_out_of_range_are_refused():
    design = NonInferiorityDesign(base=0.1, needed=2.5)
    for margin in (0, 1.1):
        with pytest.raises(ValueError, match="margin must be in"):
            visitors_to_exclude(design, margin)
    with pytest.raises(ValueError, match="n must be positive"):
        excluded_margin(design, 0)
    with pytest.raises(ValueError, match="power must be in"):
        power_of_each(1, 1)
    with pytest.raises(ValueError, match="guardrails must be at least 0"):
        power_of_each(0.8, -1)
