import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.frequentist.exact_tests import ExactTest, compare_exact, exact_p_value


@pytest.mark.parametrize(
    ("control", "arm", "p_value"),
    [
        ((1, 20), (7, 20), 0.043596),
        ((2, 25), (9, 25), 0.037430),
        ((5, 50), (14, 50), 0.039518),
        ((0, 20), (3, 20), 0.230769),
    ],
)
def test_fisher_matches_the_notes(control, arm, p_value):
    assert exact_p_value(control, arm, ExactTest.FISHER) == pytest.approx(p_value, abs=5e-7)


def test_barnard_is_used_when_asked_for():
    result = compare_exact((0, 20), (3, 20), test=ExactTest.BARNARD)
    assert result.p_value == pytest.approx(0.086120, abs=5e-7)
    assert (result.test, result.rule) == (ExactTest.BARNARD, "Asked for.")


@pytest.mark.parametrize(
    ("n", "test", "words"),
    [
        (500, ExactTest.BOSCHLOO, "never less powerful than Fisher's"),
        (501, ExactTest.FISHER, "More than 500 visitors in an arm"),
        (5_000_000, ExactTest.FISHER, "More than 500 visitors in an arm"),
        (5_000_001, ExactTest.SCORE, "More than 10,000,000 visitors"),
        (10**12, ExactTest.SCORE, "More than 10,000,000 visitors"),
    ],
)
def test_test_is_chosen_by_size_and_the_rule_says_why(n, test, words):
    result = compare_exact((n // 20, n), (n // 20 + 1, n))
    assert result.test is test
    assert words in result.rule
    assert 0 < result.p_value <= 1


def test_fisher_and_score_agree_where_one_takes_over_from_the_other():
    control, arm = (250_000, 5_000_000), (251_500, 5_000_000)
    fisher, score = (exact_p_value(control, arm, test) for test in ("fisher", ExactTest.SCORE))
    assert fisher == pytest.approx(score, rel=1e-2)


def test_score_test_equals_the_chi_squared_test():
    table = np.array([[580, 500], [9_420, 9_500]])
    chi2 = stats.chi2_contingency(table, correction=False).pvalue
    assert exact_p_value((500, 10_000), (580, 10_000), ExactTest.SCORE) == pytest.approx(chi2)


@pytest.mark.parametrize("clicks", [0, 20])
def test_equal_constant_arms_have_p_value_one_and_an_interval(clicks):
    result = compare_exact((clicks, 20), (clicks, 20))
    assert (result.p_value, result.effect) == (pytest.approx(1), 0)
    assert result.effect_interval[0] < 0 < result.effect_interval[1]


def test_control_without_a_click_has_no_lift_and_says_why():
    result = compare_exact((0, 20), (3, 20))
    assert result.p_value == pytest.approx(0.153861, abs=5e-7)
    assert (result.lift, result.lift_interval) == (None, None)
    assert "control's mean is 0" in result.lift_reason
    assert result.reason is None


@pytest.mark.parametrize(("control", "arm"), [((0, 0), (1, 2)), ((1, 2), (0, 0))])
def test_an_empty_arm_gives_none_with_the_reason(control, arm):
    result = compare_exact(control, arm)
    assert result.reason == "An arm has no visitors."
    assert (result.p_value, result.effect, result.effect_interval) == (None, None, None)


def test_disagreement_of_test_and_interval_is_told():
    # Fisher is conservative: p 0.0577 though the 95 % score interval excludes 0.
    result = compare_exact((0, 20), (5, 20), test=ExactTest.FISHER, alpha=0.04)
    assert result.p_value > 0.04
    assert result.effect_interval[0] > 0
    assert not result.interval_agrees
    assert compare_exact((1, 20), (12, 20)).interval_agrees


@pytest.mark.parametrize(
    ("control", "arm", "message"),
    [
        ((1.5, 20), (1, 20), "control clicks must be a whole number"),
        ((1, 20), (1, 20.5), "arm visitors must be a whole number"),
        ((-1, 20), (1, 20), "control clicks must be a whole number"),
        ((math.nan, 20), (1, 20), "control clicks must be a whole number"),
        ((1, math.inf), (1, 20), "control visitors must be a whole number"),
        ((21, 20), (1, 20), "control clicks must be at most its visitors"),
    ],
)
def test_comparison_refuses_impossible_counts(control, arm, message):
    with pytest.raises(ValueError, match=message):
        compare_exact(control, arm)


@pytest.mark.parametrize(
    ("test", "n"), [(ExactTest.BOSCHLOO, 2_001), (ExactTest.FISHER, 10**7 + 1)]
)
def test_comparison_refuses_a_test_that_cannot_take_so_many(test, n):
    with pytest.raises(ValueError, match=f"test {test.value} takes at most"):
        compare_exact((1, n), (2, n), test=test)


def test_comparison_refuses_a_bad_alpha():
    with pytest.raises(ValueError, match="alpha must lie between"):
        compare_exact((1, 2), (1, 2), alpha=1.0)


counts = st.integers(0, 10**12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
small = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=30)
@given(control=st.one_of(counts, small), arm=st.one_of(counts, small))
def test_every_answer_is_finite_or_has_a_reason(control, arm):
    result = compare_exact(control, arm)
    if result.reason is not None:
        assert result.p_value is None
        return
    assert 0 <= result.p_value <= 1
    low, high = result.effect_interval
    assert -1 <= low <= result.effect <= high <= 1
    assert (result.lift is None) == (result.lift_reason is not None)
    assert result.lift_interval is None or all(map(math.isfinite, result.lift_interval))
