import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.lift_intervals import log_ratio
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.meta_analysis.heterogeneity import equal_effects_p_value
from experiments.stats.meta_analysis.segments import (
    ONE_SEGMENT,
    UNDEFINED,
    Segment,
    analyse_segments,
)
from experiments.stats.sequential.boundaries import mixture_multiplier, mixture_p_value


def segments_of(log_lifts, ses, n=1_000):
    return [
        Segment(name=f"s{i}", n=n, log_lift=log_lift, se=se)
        for i, (log_lift, se) in enumerate(zip(log_lifts, ses, strict=True))
    ]


DIFFERENT = segments_of([0.5, 0.45, -0.05], [0.05, 0.08, 0.05])


def test_segments_alike_are_no_interaction_and_none_is_called_however_clear_its_lift():
    report = analyse_segments(segments_of([0.3, 0.31, 0.29], [0.02] * 3), time=1.0)
    assert not report.interaction.differs
    for segment in report.segments:
        assert segment.p_value < 1e-6
        assert segment.p_value_adjusted == report.interaction.p_value_adjusted > 0.05
        assert segment.interval[0] > 0


def test_segments_that_differ_are_called_one_by_one():
    report = analyse_segments(DIFFERENT, time=1.0)
    assert report.interaction.differs
    assert [segment.p_value_adjusted <= 0.05 for segment in report.segments] == [True, True, False]


def test_p_values_are_those_of_every_look_adjusted_for_the_whole_report():
    report = analyse_segments(DIFFERENT, time=0.5, family=3)
    z = np.array([10.0, 0.45 / 0.08, 1.0])
    p = mixture_p_value(z, np.full(3, 0.5), alpha=0.05)
    assert [segment.p_value for segment in report.segments] == pytest.approx(p.tolist())
    gate = float(equal_effects_p_value(np.array([0.5, 0.45, -0.05]), np.array([0.05, 0.08, 0.05])))
    assert report.interaction.p_value == pytest.approx(gate)
    assert report.interaction.p_value_adjusted == pytest.approx(3 * gate)
    # Holm inside the attribute, Bonferroni over three attributes, and never below the gate.
    holm = [3 * p[0], 2 * p[1], 1.0]
    expected = [max(min(3 * value, 1), 3 * gate) for value in holm]
    assert [s.p_value_adjusted for s in report.segments] == pytest.approx(expected)


def test_intervals_agree_with_the_p_values_where_segments_differ():
    for family in (1, 2, 30):
        report = analyse_segments(DIFFERENT, time=1.0, family=family)
        assert report.interaction.differs
        for segment in report.segments:
            assert (segment.p_value_adjusted <= 0.05) == (segment.interval[0] > 0)


def test_numbers_are_lifts():
    (first, *_) = analyse_segments(DIFFERENT, time=1.0).segments
    assert first.effect == pytest.approx(math.exp(0.5) - 1)
    half = 0.05 * float(mixture_multiplier(np.array(1.0), level=0.05 / 3, alpha=0.05))
    assert first.interval == pytest.approx((math.expm1(0.5 - half), math.expm1(0.5 + half)))


def test_interval_too_wide_for_numbers_is_none():
    report = analyse_segments(segments_of([0.1, 300.0], [0.1, 200.0]), time=0.001)
    assert report.segments[1].interval is None


def test_a_small_lucky_segment_is_no_longer_the_biggest_winner():
    report = analyse_segments(segments_of([0.02, 0.018, 0.09], [0.004, 0.005, 0.045]), time=1.0)
    raw = [segment.effect for segment in report.segments]
    shrunken = [segment.shrunken_effect for segment in report.segments]
    assert raw.index(max(raw)) == 2
    assert shrunken[2] < 0.04
    low, high = report.segments[2].shrunken_interval
    assert low < 0.02 < high < 0.094


def test_segments_without_a_result_keep_their_place_and_count_in_the_family():
    listed = [
        Segment(name="phone", n=900, log_lift=0.3, se=0.01),
        Segment(name="tablet", n=3, log_lift=None, se=None),
        Segment(name="tv", n=1, log_lift=0.0, se=0.0),
        Segment(name="desktop", n=900, log_lift=0.04, se=0.01),
    ]
    report = analyse_segments(listed, time=1.0)
    assert [segment.reason for segment in report.segments] == [None, UNDEFINED, UNDEFINED, None]
    assert report.segments[1].shrunken_effect is None
    p = float(mixture_p_value(np.array(4.0), np.array(1.0), alpha=0.05))
    assert report.segments[3].p_value_adjusted == pytest.approx(3 * p)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_results_cannot_be_compared(count):
    listed = segments_of([0.03][:count], [0.01][:count])
    empty = Segment(name="empty", n=0, log_lift=None, se=None)
    report = analyse_segments([*listed, empty], time=1.0)
    assert report.reason == ONE_SEGMENT
    assert (report.interaction, report.shrinkage) == (None, None)
    assert report.common_effect == (pytest.approx(math.expm1(0.03)) if count else None)
    assert all(segment.p_value_adjusted in (None, 1.0) for segment in report.segments)


def test_no_segments_give_an_empty_report():
    report = analyse_segments([], time=0.0)
    assert (report.segments, report.reason) == ((), ONE_SEGMENT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": -1}, "segment s n must be at least 0"),
        ({"n": math.nan}, "segment s n must be at least 0"),
        ({"log_lift": math.inf}, "segment s log_lift must be finite"),
        ({"se": -1.0}, "segment s se must be at least 0"),
        ({"se": math.nan}, "segment s se must be at least 0"),
    ],
)
def test_segment_refuses_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        Segment(**({"name": "s", "n": 1, "log_lift": 0.1, "se": 0.1} | changes))


def test_analysis_refuses_bad_input():
    twice = segments_of([0.1], [0.1]) * 2
    with pytest.raises(ValueError, match="segments must have different names"):
        analyse_segments(twice, time=1.0)
    with pytest.raises(ValueError, match="alpha must lie between"):
        analyse_segments([], time=1.0, alpha=0)
    with pytest.raises(ValueError, match="family must be at least 1"):
        analyse_segments([], time=1.0, family=0)
    with pytest.raises(ValueError, match="time must be positive"):
        analyse_segments(DIFFERENT, time=0.0)


@settings(max_examples=30)
@given(effects=st.lists(st.floats(-10, 10), min_size=2, max_size=8))
def test_answers_are_finite_and_mirror_with_the_effects(effects):
    ses = np.linspace(0.1, 2, len(effects)).tolist()
    one = analyse_segments(segments_of(effects, ses), time=1.0)
    two = analyse_segments(segments_of([-x for x in effects], ses), time=1.0)
    assert one.interaction == two.interaction
    for plus, minus in zip(one.segments, two.segments, strict=True):
        assert plus.p_value_adjusted == pytest.approx(minus.p_value_adjusted)
        mirrored = 1 / (1 + minus.shrunken_effect) - 1
        assert plus.shrunken_effect == pytest.approx(mirrored, rel=1e-6, abs=1e-9)
        assert all(map(math.isfinite, plus.interval + plus.shrunken_interval))


@pytest.mark.slow
def test_the_smallest_segment_wins_by_luck_far_less_often_after_shrinkage():
    rng = np.random.default_rng(20261122)
    n_repeats = 400
    ses = np.array([0.01, 0.012, 0.015, 0.02, 0.03, 0.08])
    raw_wins = shrunken_wins = 0
    raw_excess, shrunken_excess = [], []
    for effects in rng.normal(0.02, ses, (n_repeats, 6)):
        report = analyse_segments(segments_of(effects.tolist(), ses.tolist()), time=1.0)
        shrunken = [segment.shrunken_effect for segment in report.segments]
        raw_wins += int(np.argmax(effects)) == 5
        shrunken_wins += int(np.argmax(shrunken)) == 5
        raw_excess.append(effects.max() - 0.02)
        shrunken_excess.append(max(shrunken) - 0.02)
    # Six equal segments: by size alone each would win once in six.
    assert raw_wins / n_repeats > 0.33
    assert np.mean(shrunken_excess) < 0.25 * np.mean(raw_excess)
    assert shrunken_wins < raw_wins


VALUES = (3, 5, 8, 2)


def signals(rng, *, arms, looks, runs, lifts=0.0):
    """Return for each run whether something was signalled at some look.

    An interaction, without which no segment is called, or an interval without 0; of four
    attributes with 18 values in 28 days of 4,000 visitors. The lifts are those of the first
    arm in the values of the first attribute.
    """
    planned, base, family = 28 * 4_000, 0.03, len(VALUES) * (arms - 1)
    interaction, interval = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    for number, size in enumerate(VALUES):
        weights = rng.dirichlet(np.full(size, 5.0))
        rates = np.full((size, arms), base)
        if number == 0:
            rates[:, 1] *= 1 + np.asarray(lifts)
        n, clicks = np.zeros((runs, size, arms)), np.zeros((runs, size, arms))
        for _ in range(looks):
            new = rng.poisson(planned / looks / arms * weights[:, None], n.shape)
            n, clicks = n + new, clicks + rng.binomial(new, rates)
            value, se = log_ratio(contrasts(raw_estimates(Proportion(n=n, sum=clicks))))
            few = (clicks[..., 1:] < 20) | (clicks[..., :1] < 20)
            effects = np.swapaxes(np.where(few, np.nan, value), 1, 2)
            ses = np.swapaxes(np.where(few, np.nan, se), 1, 2)
            p_value = equal_effects_p_value(effects, ses)
            interaction |= (family * p_value <= 0.05).any(axis=-1)
            time = n.sum(axis=(1, 2))[:, None, None] / planned
            half = ses * mixture_multiplier(time, level=0.05 / family / size, alpha=0.05)
            interval |= (np.abs(effects) > half).any(axis=(1, 2))
    return interaction, interval


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 5])
@pytest.mark.parametrize(("looks", "most"), [(1, 0.05), (14, 0.1)])
def test_null_experiment_hardly_ever_signals_in_any_of_its_segments(arms, looks, most):
    rng = np.random.default_rng(20_261_128)
    runs = 1_000
    interaction, interval = signals(rng, arms=arms, looks=looks, runs=runs)
    found = int((interaction | interval).sum())
    assert binomtest(found, runs, most, "greater").pvalue > 0.001
    assert found <= most * runs


@pytest.mark.slow
def test_interaction_worth_knowing_is_found():
    rng = np.random.default_rng(20_261_128)
    interaction, _ = signals(rng, arms=2, looks=14, runs=300, lifts=[0.5, 0.0, 0.0])
    assert interaction.mean() > 0.6
