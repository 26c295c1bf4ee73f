import math

import numpy as np
import pytest
from scipy import stats

from experiments.stats.health.aa_calibration import evaluate_aa


def test_healthy_aa_mode_is_healthy():
    rng = np.random.default_rng(20261122)
    evaluation = evaluate_aa(rng.uniform(size=200).tolist())
    assert evaluation.is_healthy
    assert evaluation.expected == pytest.approx(10)
    # Anytime-valid p-values are too large by design: no fault.
    assert evaluate_aa([1.0] * 200).is_healthy


def test_aa_mode_with_too_many_alarms_is_not_healthy():
    rng = np.random.default_rng(20261122)
    p_values = rng.uniform(size=200) ** 2
    evaluation = evaluate_aa(p_values.tolist())
    assert evaluation.is_healthy is False
    expected = stats.binomtest(evaluation.alarms, 200, 0.05, "greater").pvalue
    assert evaluation.alarm_p_value == pytest.approx(expected)
    assert evaluation.uniform_p_value < 0.01


def test_few_aa_results_are_not_judged():
    evaluation = evaluate_aa([0.01] * 19)
    assert (evaluation.is_healthy, evaluation.alarms, evaluation.n) == (None, 19, 19)
    assert evaluation.reason == "19 p-values; a judgement needs at least 20."


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_aa_mode_refuses_an_impossible_p_value(value):
    with pytest.raises(ValueError, match="p_values must be in"):
        evaluate_aa([value])


def test_aa_mode_refuses_a_bad_alpha():
    with pytest.raises(ValueError, match="alpha must lie between"):
        evaluate_aa([0.5], alpha=1.0)
