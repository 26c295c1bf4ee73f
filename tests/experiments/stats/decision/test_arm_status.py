import pytest

from experiments.stats.decision.arm_status import (
    ArmStatus,
    GuardrailState,
    arm_status,
    guardrail_state,
)
from experiments.stats.decision.evidence import ArmEvidence, Evidence, GuardrailEvidence, Rule
from experiments.stats.decision.policy import Policy
from experiments.stats.health.data_quality import check_multiple_arms

POLICY = Policy()


def outcome(*, lift=0.1, p_value=0.001, bounds=(0.05, 0.15), guardrails=(), **changes):
    arm = ArmEvidence(
        arm=1, n=5_000, lift=lift, p_value=p_value, bounds=bounds, guardrails=guardrails
    )
    return arm_status(arm, Evidence(arms=(arm,), control_n=5_000, **changes), POLICY)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ArmStatus.BETTER),
        ({"higher_is_better": False}, ArmStatus.WORSE),
        ({"lift": -0.1, "bounds": None}, ArmStatus.WORSE),
        ({"p_value": 0.06}, ArmStatus.UNDECIDED),
        ({"p_value": 0.06, "bounds": (-0.004, 0.004)}, ArmStatus.EQUIVALENT),
        ({"p_value": 0.06, "bounds": (-0.005, 0.004)}, ArmStatus.UNDECIDED),
        ({"p_value": 0.06, "bounds": None}, ArmStatus.UNDECIDED),
        ({"lift": 0.0, "bounds": (0.0, 0.0)}, ArmStatus.EQUIVALENT),
        ({"lift": None}, ArmStatus.NO_RESULT),
        ({"p_value": None}, ArmStatus.NO_RESULT),
        ({"rule": Rule.FIXED_HORIZON, "planned_n": 10_001}, ArmStatus.UNDECIDED),
        ({"rule": Rule.FIXED_HORIZON, "planned_n": 10_000}, ArmStatus.BETTER),
    ],
)
def test_outcome_reads_the_goal(changes, expected):
    assert outcome(**changes) is expected


@pytest.mark.parametrize(
    ("bounds", "state"),
    [
        ((-0.05, -0.01), "harmed"),
        ((-0.02, -0.01), "harmed"),
        ((-0.019, -0.01), "held"),
        ((-0.05, 0.01), "unclear"),
        ((-0.05, 0.0), "unclear"),
        ((0.01, 0.05), "held"),
        (None, "unclear"),
    ],
    ids=["beyond", "at-the-margin", "tolerable", "unclear", "touches-zero", "better", "unknown"],
)
def test_guardrail_of_two_percent(bounds, state):
    rail = GuardrailEvidence(metric="sign-ups", bounds=bounds, margin=0.02)
    assert guardrail_state(rail, finished=False) == state


@pytest.mark.parametrize("bounds", [(-0.09, -0.01), (0.01, 0.05)])
def test_bounds_for_one_look_wait_for_the_plan(bounds):
    rail = GuardrailEvidence(metric="sign-ups", bounds=bounds, margin=0.02, anytime=False)
    assert guardrail_state(rail, finished=False) is GuardrailState.UNCLEAR
    assert guardrail_state(rail, finished=True) is not GuardrailState.UNCLEAR


def test_guardrail_without_margin_asks_for_proof_of_no_loss():
    rails = [
        GuardrailEvidence(metric="errors", bounds=bounds) for bounds in ((-0.1, 0.2), (0.01, 0.2))
    ]
    states = [guardrail_state(rail, finished=False) for rail in rails]
    assert states == [GuardrailState.UNCLEAR, GuardrailState.HELD]


def test_harm_is_read_before_a_win():
    rail = GuardrailEvidence(metric="sign-ups", bounds=(-0.3, -0.1))
    assert outcome(guardrails=(rail,)) is ArmStatus.HARMFUL


def test_policy_has_the_thresholds_of_the_health_checks():
    assert check_multiple_arms(POLICY.multiple_arm_count, 990).is_unhealthy
    assert POLICY.multiple_arm_share == 0.01
    assert POLICY.srm_alpha == 0.001
