import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from experiments.stats.sequential.plan_boundary import (
    AFTER,
    AT_END,
    IN_PLAN,
    SLOPE,
    Stage,
    plan_multiplier,
    plan_p_value,
    stages_of,
)
from experiments.stats.sequential.stopping_probabilities import (
    crossing_probabilities,
    drift_for_power,
)

times = st.floats(1e-4, 1e4)
late_times = st.floats(1.0, 50.0)
levels = st.floats(1e-10, 0.9)
alphas = st.floats(0.001, 0.4)
DAYS = np.arange(1, 29) / 28


def bounds(times, last=1.0, level=0.05):
    """Return times and boundary of looks at parts of the plan, the last one at its end."""
    looks = np.r_[times[:-1], last]
    stage = np.r_[np.full(len(looks) - 1, Stage.RUNNING), Stage.END]
    return looks, plan_multiplier(looks, level=level, alpha=0.05, stage=stage)


def test_parts_of_alpha_are_the_whole():
    assert pytest.approx(1) == IN_PLAN + AT_END + AFTER


@given(times, levels, alphas, st.sampled_from([Stage.RUNNING, Stage.PAST]))
def test_p_value_is_the_level_at_the_boundary(time, level, alpha, stage):
    edge = plan_multiplier(np.array(time), level=level, alpha=alpha, stage=stage)
    p_value = plan_p_value(edge, np.array(time), alpha=alpha, stage=stage)
    assert p_value == pytest.approx(level, rel=1e-6)


@given(late_times, levels, alphas, st.sampled_from([0.0, 0.02]))
def test_p_value_is_the_level_at_the_end(time, level, alpha, reserve):
    at_end = {"alpha": alpha, "stage": Stage.END, "reserve": reserve}
    edge = plan_multiplier(np.array(time), level=level, **at_end)
    assert plan_p_value(edge, np.array(time), **at_end) == pytest.approx(level, rel=1e-5)


@given(times, st.floats(0, 40), st.floats(0, 40), st.sampled_from(Stage))
def test_p_value_falls_with_the_size_of_z(time, one, other, stage):
    small, large = sorted([one, other])
    z = np.array([small, large])
    p_values = plan_p_value(z, np.array(time), alpha=0.05, stage=stage)
    assert p_values[1] <= p_values[0]
    assert ((p_values >= 0) & (p_values <= 1)).all()


def test_levels_of_a_family_keep_their_shape():
    level = np.array([[0.05, 0.01], [0.01, 0.05]])
    for stage in Stage:
        multiplier = plan_multiplier(np.full((2, 2), 0.9), level=level, alpha=0.05, stage=stage)
        assert multiplier[0] == pytest.approx(multiplier[1, ::-1])


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_boundary_refuses_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must lie"):
        plan_multiplier(np.array(1.0), level=alpha, alpha=0.05)
    with pytest.raises(ValueError, match="alpha must lie"):
        plan_p_value(np.array(1.0), np.array(1.0), alpha=alpha)


def test_undefined_z_has_no_p_value():
    assert np.isnan(plan_p_value(np.array(np.nan), np.array(0.5), alpha=0.05))


@pytest.mark.parametrize("level", [0.05, 0.0125, 1e-4])
def test_line_spends_its_part_when_it_is_watched_all_the_time(level):
    """Anderson's formula for one side, by another way: the first-passage density of a line."""
    start = float(plan_multiplier(np.array(1.0), level=level, alpha=0.05)) - SLOPE

    def density(t):
        return start / t**1.5 * norm.pdf((start + SLOPE * t) / np.sqrt(t))

    one_side = quad(density, 0, 1, epsabs=0, epsrel=1e-10, limit=200)[0]
    assert 2 * one_side == pytest.approx(IN_PLAN * level, rel=1e-6)


@pytest.mark.parametrize("last", [1.0, 1.01, 1.1, 1.5])
@pytest.mark.parametrize("level", [0.05, 0.0125])
def test_end_spends_the_rest_of_the_plan(last, level):
    """Carried from look to look by quadrature; 400 looks nearly make the line continuous."""
    looks, multiplier = bounds(np.r_[np.arange(1, 400) / 400, 1.0], last, level)
    crossing = crossing_probabilities(multiplier, looks / last)
    spent = crossing.upper[-1] + crossing.lower[-1]
    assert 0.94 * (IN_PLAN + AT_END) * level < spent <= (IN_PLAN + AT_END) * level


@pytest.mark.parametrize("last", [1.001, 1.05, 2, 20, 640])
@pytest.mark.parametrize("level", [0.05, 0.001, 1e-6])
def test_end_long_after_the_plan_spends_its_part(last, level):
    """By an integral over what B was at the plan's end."""
    start = float(plan_multiplier(np.array(1.0), level=level, alpha=0.05)) - SLOPE
    edge = np.sqrt(last) * plan_multiplier(np.array(last), level=level, alpha=0.05, stage=Stage.END)
    line = start + SLOPE

    def density(value):
        unreached = -np.expm1(-2 * start * (line - value))
        return norm.pdf(value) * unreached * norm.sf((edge - value) / np.sqrt(last - 1))

    one_side = quad(density, -12, line, epsabs=0, epsrel=1e-10, limit=400, points=[edge])[0]
    assert 2 * one_side == pytest.approx(AT_END * level, rel=1e-7)


def ratio(times, last=1.0):
    """Return planned and expected visitors over the fixed test's: at the effect and at twice it."""
    looks, multiplier = bounds(times, last)
    fractions = looks / last
    # Drift per plan of `last`: visitors at the last look over the fixed test's.
    drift = drift_for_power(multiplier, fractions, power=0.8)
    fixed = (norm.isf(0.025) + norm.isf(0.2)) ** 2
    planned = drift**2 / fixed / last
    used = [
        crossing_probabilities(multiplier, fractions, drift=factor * drift).expected_fraction
        for factor in (1, 2)
    ]
    return planned, planned * last * used[0], planned * last * used[1]


def test_plan_needs_few_visitors_more_than_one_look_and_fewer_on_average():
    planned, expected, at_twice = ratio(DAYS)
    assert planned <= 1.12
    assert expected <= 0.85
    assert at_twice <= 0.45


def test_look_a_little_after_the_planned_end_keeps_the_power():
    looks, multiplier = bounds(DAYS)
    drift = drift_for_power(multiplier, looks, power=0.8)
    late, at_late = bounds(np.r_[DAYS, 1.01], 1.01)
    late, at_late = np.delete(late, 27), np.delete(at_late, 27)
    upper = crossing_probabilities(at_late, late / 1.01, drift=drift * 1.01**0.5).upper
    assert upper[-1] >= 0.79


def test_stage_changes_at_scheduled_looks_only():
    time = np.array([[0.4, 0.9], [1.0, 0.95], [1.3, 1.2], [1.4, 1.3]])
    stages = stages_of(time, np.array([True, False, True, True]))
    assert stages.tolist() == [[0, 0], [0, 0], [1, 1], [2, 2]]


@pytest.mark.slow
def test_alarms_stay_below_alpha_in_the_plan_and_at_a_hundred_times_the_plan():
    rng = np.random.default_rng(14)
    runs, alpha = 20_000, 0.05
    looks = np.r_[np.arange(1, 29) / 28, np.geomspace(1.05, 100, 60)]
    steps = rng.normal(size=(runs, looks.size)) * np.sqrt(np.diff(looks, prepend=0))
    z = steps.cumsum(axis=1) / np.sqrt(looks)
    stage = np.where(looks < 1, Stage.RUNNING, np.where(looks == 1, Stage.END, Stage.PAST))
    alarms = np.abs(z) >= plan_multiplier(looks, level=alpha, alpha=alpha, stage=stage)
    error = np.sqrt(alpha * (1 - alpha) / runs)
    assert alarms.any(axis=1).mean() <= alpha + 3 * error
    assert alarms[:, :28].any(axis=1).mean() > 0.038
