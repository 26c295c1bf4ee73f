import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from experiments.stats.meta_analysis.segments import (
    ONE_SEGMENT,
    UNDEFINED,
    Segment,
    analyse_segments,
)


def segments_of(effects, ses, n=1_000):
    return [
        Segment(name=f"s{i}", n=n, effect=effect, se=se)
        for i, (effect, se) in enumerate(zip(effects, ses, strict=True))
    ]


def test_segments_are_corrected_inside_their_family():
    report = analyse_segments(segments_of([0.03, 0.02, 0.01], [0.01] * 3))
    p = [2 * norm.sf(z) for z in (3, 2, 1)]
    assert [segment.p_value for segment in report.segments] == pytest.approx(p)
    adjusted = [segment.p_value_adjusted for segment in report.segments]
    assert adjusted == pytest.approx([3 * p[0], 2 * p[1], max(2 * p[1], p[2])])
    assert report.correction == "holm"


def test_intervals_agree_with_the_adjusted_p_values():
    report = analyse_segments(segments_of([0.03, 0.023, 0.01], [0.01] * 3))
    for segment in report.segments:
        assert (segment.p_value_adjusted <= 0.05) == (segment.interval[0] > 0)


def test_interaction_is_cochrans_q():
    same = analyse_segments(segments_of([0.02, 0.021, 0.019], [0.01] * 3))
    assert same.interaction.p_value > 0.9
    assert same.common_effect == pytest.approx(0.02)
    different = analyse_segments(segments_of([0.08, -0.04], [0.01, 0.01]))
    assert different.interaction.q == pytest.approx(0.12**2 / (2 * 0.01**2))
    assert different.interaction.p_value < 1e-10


def test_a_small_lucky_segment_is_no_longer_the_biggest_winner():
    report = analyse_segments(segments_of([0.02, 0.018, 0.09], [0.004, 0.005, 0.045]))
    raw = [segment.effect for segment in report.segments]
    shrunken = [segment.shrunken_effect for segment in report.segments]
    assert raw.index(max(raw)) == 2
    assert shrunken[2] < 0.04
    low, high = report.segments[2].shrunken_interval
    assert low < 0.02 < high < 0.09


def test_segments_without_a_result_keep_their_place_and_count_in_the_family():
    listed = [
        Segment(name="phone", n=900, effect=0.03, se=0.01),
        Segment(name="tablet", n=3, effect=None, se=None),
        Segment(name="tv", n=1, effect=0.0, se=0.0),
        Segment(name="desktop", n=900, effect=0.02, se=0.01),
    ]
    report = analyse_segments(listed)
    assert [segment.reason for segment in report.segments] == [None, UNDEFINED, UNDEFINED, None]
    assert report.segments[1].shrunken_effect is None
    assert report.segments[0].p_value_adjusted == pytest.approx(4 * 2 * norm.sf(3))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_results_cannot_be_compared(count):
    listed = segments_of([0.03][:count], [0.01][:count])
    report = analyse_segments([*listed, Segment(name="empty", n=0, effect=None, se=None)])
    assert report.reason == ONE_SEGMENT
    assert (report.interaction, report.shrinkage) == (None, None)
    assert report.common_effect == (pytest.approx(0.03) if count else None)


def test_no_segments_give_an_empty_report():
    report = analyse_segments([])
    assert (report.segments, report.reason) == ((), ONE_SEGMENT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": -1}, "segment s n must be at least 0"),
        ({"n": math.nan}, "segment s n must be at least 0"),
        ({"effect": math.inf}, "segment s effect must be finite"),
        ({"se": -1.0}, "segment s se must be at least 0"),
        ({"se": math.nan}, "segment s se must be at least 0"),
    ],
)
def test_segment_refuses_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        Segment(**({"name": "s", "n": 1, "effect": 0.1, "se": 0.1} | changes))


def test_analysis_refuses_two_segments_of_one_name_and_a_bad_alpha():
    twice = segments_of([0.1], [0.1]) * 2
    with pytest.raises(ValueError, match="segments must have different names"):
        analyse_segments(twice)
    with pytest.raises(ValueError, match="alpha must lie between"):
        analyse_segments([], alpha=0)


@settings(max_examples=30)
@given(
    effects=st.lists(st.floats(-10, 10), min_size=2, max_size=8),
    correction=st.sampled_from(["none", "holm", "hochberg", "bh", "by"]),
)
def test_answers_are_finite_and_mirror_with_the_effects(effects, correction):
    ses = np.linspace(0.1, 2, len(effects)).tolist()
    one = analyse_segments(segments_of(effects, ses), correction=correction)
    two = analyse_segments(segments_of([-x for x in effects], ses), correction=correction)
    for plus, minus in zip(one.segments, two.segments, strict=True):
        assert plus.p_value_adjusted == pytest.approx(minus.p_value_adjusted)
        assert plus.shrunken_effect == pytest.approx(-minus.shrunken_effect, abs=1e-9)
        assert all(map(math.isfinite, plus.interval + plus.shrunken_interval))


@pytest.mark.slow
def test_the_smallest_segment_wins_by_luck_far_less_often_after_shrinkage():
    rng = np.random.default_rng(20261122)
    n_repeats = 400
    ses = np.array([0.01, 0.012, 0.015, 0.02, 0.03, 0.08])
    raw_wins = shrunken_wins = false_alarms = 0
    raw_excess, shrunken_excess = [], []
    for effects in rng.normal(0.02, ses, (n_repeats, 6)):
        report = analyse_segments(segments_of(effects.tolist(), ses.tolist()))
        shrunken = [segment.shrunken_effect for segment in report.segments]
        raw_wins += int(np.argmax(effects)) == 5
        shrunken_wins += int(np.argmax(shrunken)) == 5
        raw_excess.append(effects.max() - 0.02)
        shrunken_excess.append(max(shrunken) - 0.02)
        false_alarms += report.interaction.p_value < 0.05
    # Six equal segments: by size alone each would win once in six.
    assert raw_wins / n_repeats > 0.33
    assert np.mean(shrunken_excess) < 0.25 * np.mean(raw_excess)
    assert shrunken_wins < raw_wins
    assert binomtest(false_alarms, n_repeats, 0.05).pvalue > 0.001
