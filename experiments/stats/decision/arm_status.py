"""Status of one arm: its goal and its guardrails against the policy."""

from __future__ import annotations

from enum import StrEnum

from experiments.stats.decision.evidence import (
    ArmEvidence,
    Evidence,
    GuardrailEvidence,
    Rule,
    turned,
)
from experiments.stats.decision.policy import Policy


class ArmStatus(StrEnum):
    """Status of one arm."""

    BETTER = "better"
    WORSE = "worse"
    HARMFUL = "harmful"  # a guardrail is harmed
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    NO_RESULT = "no_result"
    DROPPED = "dropped"  # visitors are no longer given it, and nothing was proven


class GuardrailState(StrEnum):
    """Status of one arm on one guardrail."""

    HELD = "held"  # a loss beyond the margin is excluded (non-inferiority)
    HARMED = "harmed"
    UNCLEAR = "unclear"


def arm_status(arm: ArmEvidence, evidence: Evidence, policy: Policy) -> ArmStatus:
    """Return the present status of the arm.

    Guardrails are read before the goal: a win does not pay for harm. They have floors of their
    own, so harm does not wait until the goal has enough conversions.

    Args:
        arm: One arm of `evidence`.
        evidence: Its experiment.
        policy: Thresholds.

    Returns:
        One outcome. A fixed-horizon goal stays `undecided` until the plan is finished.

    >>> arm = ArmEvidence(arm=1, n=9_000, lift=-0.2, p_value=0.001)
    >>> arm_status(arm, Evidence(arms=(arm,), control_n=9_000), Policy())
    <ArmStatus.WORSE: 'worse'>
    """
    states = {guardrail_state(rail, finished=evidence.finished) for rail in arm.guardrails}
    if arm.is_rolled_back or GuardrailState.HARMED in states:
        return ArmStatus.HARMFUL
    status = _goal_status(arm, evidence, policy)
    proven = (ArmStatus.BETTER, ArmStatus.WORSE)
    return ArmStatus.DROPPED if arm.is_dropped and status not in proven else status


def _goal_status(arm: ArmEvidence, evidence: Evidence, policy: Policy) -> ArmStatus:
    if not _enough_for_harm(arm, evidence, policy):
        return ArmStatus.UNDECIDED
    if arm.p_value is None or arm.lift is None:
        return ArmStatus.NO_RESULT
    if not (evidence.rule is Rule.SEQUENTIAL or evidence.finished):
        return ArmStatus.UNDECIDED
    # What was proven has the direction that it had then.
    lift = arm.lift if arm.proof is None else arm.proof.lift
    gain = lift if evidence.higher_is_better else -lift
    if arm.p_value <= evidence.alpha and gain != 0:
        return ArmStatus.BETTER if gain > 0 else ArmStatus.WORSE
    gains = turned(arm.bounds, higher_is_better=evidence.higher_is_better)
    small = policy.relevant_change
    if gains is not None and -small < gains[0] and gains[1] < small:
        return ArmStatus.EQUIVALENT
    return ArmStatus.UNDECIDED


def _enough_for_harm(arm: ArmEvidence, evidence: Evidence, policy: Policy) -> bool:
    """Return whether arm and control together reach the floors.

    A harmful arm has few conversions by its nature, so harm must not wait until it has
    its own share of them.
    """
    if min(arm.n, evidence.control_n) < policy.harm_visitors:
        return False
    if arm.conversions is None or evidence.control_conversions is None:
        return True
    return arm.conversions + evidence.control_conversions >= 2 * policy.harm_conversions


def guardrail_state(rail: GuardrailEvidence, *, finished: bool) -> GuardrailState:
    """Return how the arm stands on one guardrail.

    Harm means that the metric is worse for sure, and possibly by more than the margin. The first
    half alone is at its share of alpha under "no change", so guardrails rarely stop a harmless
    arm; the second half spares a loss that is known to be tolerable.

    Args:
        rail: The arm's guardrail.
        finished: True once the plan is finished; bounds for one look are not read before.

    >>> rail = GuardrailEvidence(metric="sign-ups", bounds=(-0.09, -0.01), margin=0.02)
    >>> guardrail_state(rail, finished=False)
    <GuardrailState.HARMED: 'harmed'>
    """
    gains = rail.gains
    if gains is None or not (rail.anytime or finished):
        return GuardrailState.UNCLEAR
    if gains[0] > -rail.margin:
        return GuardrailState.HELD
    return GuardrailState.HARMED if gains[1] < 0 else GuardrailState.UNCLEAR
