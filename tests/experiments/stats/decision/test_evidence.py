import math

import pytest

from experiments.stats.decision.evidence import (
    ArmEvidence,
    Evidence,
    GuardrailEvidence,
    Rule,
    turned,
)

ARM = ArmEvidence(arm=1, n=100)


@pytest.mark.parametrize("arm", [0, -1])
def test_arm_refuses_the_index_of_control(arm):
    with pytest.raises(ValueError, match="arm must be at least 1"):
        ArmEvidence(arm=arm, n=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": -1}, "arm 2 n must be finite and at least 0"),
        ({"n": math.inf}, "arm 2 n must be finite"),
        ({"conversions": math.nan}, "arm 2 conversions must be finite"),
        ({"lift": math.nan}, "arm 2 lift must be finite"),
        ({"shrunken_lift": math.inf}, "arm 2 shrunken_lift must be finite"),
        ({"p_value": 1.1}, r"arm 2 p_value must be in \[0, 1\]"),
        ({"p_value": math.nan}, r"arm 2 p_value must be in \[0, 1\]"),
        ({"bounds": (0.2, 0.1)}, "arm 2 bounds must be finite and in order"),
        ({"bounds": (math.nan, 0.1)}, "arm 2 bounds must be finite and in order"),
        ({"bounds": (-math.inf, 0.1)}, "arm 2 bounds must be finite and in order"),
    ],
)
def test_arm_refuses_numbers_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        ArmEvidence(**({"arm": 2, "n": 1} | changes))


def test_guardrail_refuses_a_negative_margin_and_bad_bounds():
    with pytest.raises(ValueError, match="guardrail errors margin must be finite and at least 0"):
        GuardrailEvidence(metric="errors", bounds=(0, 1), margin=-0.1)
    for bounds in ((1, 0), (math.nan, 0.1)):
        with pytest.raises(ValueError, match="guardrail errors bounds must be in order"):
            GuardrailEvidence(metric="errors", bounds=bounds)


def test_guardrail_may_be_bounded_on_one_side_only():
    rail = GuardrailEvidence(metric="errors", bounds=(0.1, math.inf), higher_is_better=False)
    assert rail.gains == (-math.inf, -0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": ()}, "arms must hold each arm other than control once"),
        ({"arms": (ARM, ARM)}, "arms must hold each arm other than control once"),
        ({"alpha": 0}, "alpha must be in"),
        ({"alpha": math.nan}, "alpha must be in"),
        ({"control_n": -1}, "control_n must be finite"),
        ({"days": math.nan}, "days must be finite"),
        ({"srm_p_value": -0.1}, "srm_p_value must be in"),
        ({"silent_hours": -1}, "silent_hours must be finite"),
        ({"rule": Rule.FIXED_HORIZON}, "a fixed horizon needs planned_n or planned_days"),
    ],
)
def test_evidence_refuses_numbers_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        Evidence(**({"arms": (ARM,), "control_n": 100} | changes))


def test_evidence_without_a_plan_is_never_finished():
    assert not Evidence(arms=(ARM,), control_n=10**12, days=10**6).finished


def test_turned_keeps_none_and_mirrors_bounds():
    assert turned(None, higher_is_better=False) is None
    assert turned((-0.1, 0.3), higher_is_better=True) == (-0.1, 0.3)
    assert turned((-0.1, 0.3), higher_is_better=False) == (-0.3, 0.1)
