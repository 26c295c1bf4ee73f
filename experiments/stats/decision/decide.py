"""Decision: one status from the evidence, with its reasons in the order of the rules.

The order never lets a later question hide an earlier answer: data quality, floors, harm,
time, winner, no difference that matters, end of the plan. A winner whose guardrail is neither
harmed nor held is shipped with that open question, unless its owner chose the strict rule. A
fixed-horizon p-value is looked at only when the plan is finished; an anytime-valid one whenever
there is enough data.
A Bayesian panel is shown beside the decision, never inside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from experiments.stats.decision.arm_status import (
    ArmStatus,
    GuardrailState,
    arm_status,
    guardrail_state,
)
from experiments.stats.decision.evidence import (
    ArmEvidence,
    Evidence,
    GuardrailEvidence,
    Rule,
    turned,
)
from experiments.stats.decision.grounds import Code, Ground
from experiments.stats.decision.policy import Policy


class Status(StrEnum):
    """The one answer."""

    SHIP = "ship"
    KEEP_CONTROL = "keep_control"
    KEEP_RUNNING = "keep_running"
    STOPPED_EARLY = "stopped_early"
    PAUSED = "paused"
    NO_TRAFFIC = "no_traffic"
    STOP_FOR_HARM = "stop_for_harm"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The status with everything it rests on.

    Attributes:
        status: The one answer.
        winner: Arm to ship, or None.
        rule: The rule by which the goal was read.
        reasons: Reasons in order of precedence; the first one decided.
        cautions: Cautions for the reader; they do not change the status.
        outcomes: Arm index -> its status; empty when the data are invalid.
    """

    status: Status
    winner: int | None
    rule: Rule
    reasons: tuple[Ground, ...]
    cautions: tuple[Ground, ...] = ()
    outcomes: Mapping[int, ArmStatus] = field(default_factory=dict)


_DEFAULT = Policy()
_LOSERS = (ArmStatus.WORSE, ArmStatus.HARMFUL)


def decide(evidence: Evidence, policy: Policy = _DEFAULT) -> Decision:
    """Return the one status that the evidence supports.

    Args:
        evidence: Checked numbers of the goal, its guardrails and the data quality.
        policy: Thresholds.

    Returns:
        The decision. With a sample-ratio mismatch, too many visitors in several arms, or values in
        several currencies it is `invalid`, for any numbers.

    Source: guardrails as non-inferiority tests: Schultzberg et al. (2024), "Risk-aware product
        decisions in A/B tests with multiple metrics", arXiv 2402.11609.

    >>> arm = ArmEvidence(arm=1, n=9_000, conversions=540, lift=0.2, p_value=0.001)
    >>> decide(Evidence(arms=(arm,), control_n=9_000, control_conversions=450, days=14)).status
    <Status.SHIP: 'ship'>
    """
    decision = _decision(evidence, policy)
    if not evidence.paused:
        return decision
    return replace(decision, cautions=(*decision.cautions, Ground(code=Code.PAUSED)))


def _decision(evidence: Evidence, policy: Policy) -> Decision:
    broken = _broken_data(evidence, policy)
    if broken:
        return _answer(Status.INVALID, evidence, broken)
    silence, floors = _silence(evidence, policy), _floors(evidence, policy)
    outcomes = {arm.arm: arm_status(arm, evidence, policy) for arm in evidence.arms}
    harm = _harm_reasons(evidence, outcomes)
    if _all_lose(outcomes):
        ended = evidence.finished or evidence.stopped
        status = Status.KEEP_CONTROL if ended else Status.STOP_FOR_HARM
        return _answer(status, evidence, harm, outcomes)
    # With few visitors a proof is no news; with few days it is, and is not kept back.
    has_enough = all(floor.code is Code.TOO_FEW_DAYS for floor in floors)
    proven = _proven(evidence, outcomes) if has_enough else ()
    if silence:
        return _answer(Status.NO_TRAFFIC, evidence, (*silence, *floors, *proven, *harm), outcomes)
    if floors:
        return _answer(_waiting(evidence), evidence, (*floors, *proven, *harm), outcomes)
    return _verdict(evidence, policy, outcomes, harm)


def _broken_data(evidence: Evidence, policy: Policy) -> tuple[Ground, ...]:
    reasons = []
    p_value = evidence.srm_p_value
    if p_value is not None and p_value < policy.srm_alpha:
        numbers = {"p_value": p_value, "threshold": policy.srm_alpha}
        reasons.append(Ground(code=Code.SRM, numbers=numbers))
    count = evidence.multiple_arm_visitors
    share = count / (evidence.n + count) if count else 0.0
    if count >= policy.multiple_arm_count and share >= policy.multiple_arm_share:
        numbers = {"visitors": count, "share": share, "threshold": policy.multiple_arm_share}
        reasons.append(Ground(code=Code.MULTIPLE_ARMS, numbers=numbers))
    reasons += [
        Ground(code=Code.SEVERAL_CURRENCIES, metric=goal, numbers=conversions)
        for goal, conversions in evidence.currencies.items()
    ]
    return tuple(reasons)


def _silence(evidence: Evidence, policy: Policy) -> tuple[Ground, ...]:
    hours = evidence.silent_hours
    is_expected = not (evidence.stopped or evidence.paused)
    if not is_expected or hours is None or hours < policy.silent_hours:
        return ()
    return (Ground(code=Code.NO_TRAFFIC, numbers={"hours": hours}),)


def _floors(evidence: Evidence, policy: Policy) -> tuple[Ground, ...]:
    """Return the reasons for which no winner may be named yet."""
    sizes = [(0, evidence.control_n, evidence.control_conversions)]
    # A dropped arm gets no more; the others must not wait for it.
    sizes += [(arm.arm, arm.n, arm.conversions) for arm in evidence.arms if not arm.is_dropped]
    reasons = []
    for arm, n, conversions in sizes:
        if n < policy.minimum_visitors:
            numbers = {"n": n, "required": policy.minimum_visitors}
            reasons.append(Ground(code=Code.TOO_FEW_VISITORS, arm=arm, numbers=numbers))
        elif conversions is not None and conversions < policy.minimum_conversions:
            numbers = {"conversions": conversions, "required": policy.minimum_conversions}
            reasons.append(Ground(code=Code.TOO_FEW_CONVERSIONS, arm=arm, numbers=numbers))
    if evidence.days < policy.minimum_days:
        numbers = {"days": evidence.days, "required": policy.minimum_days}
        reasons.append(Ground(code=Code.TOO_FEW_DAYS, numbers=numbers))
    return tuple(reasons)


def _all_lose(outcomes: Mapping[int, ArmStatus]) -> bool:
    left = [outcome for outcome in outcomes.values() if outcome is not ArmStatus.DROPPED]
    return bool(left) and all(outcome in _LOSERS for outcome in left)


def _harm_reasons(evidence: Evidence, outcomes: Mapping[int, ArmStatus]) -> tuple[Ground, ...]:
    reasons = []
    for arm in evidence.arms:
        if arm.is_rolled_back:
            reasons.append(Ground(code=Code.ARM_ROLLED_BACK, arm=arm.arm))
        if outcomes[arm.arm] is ArmStatus.HARMFUL:
            reasons += [
                _rail_reason(Code.GUARDRAIL_HARMED, arm.arm, rail)
                for rail in arm.guardrails
                if _state(rail, evidence) is GuardrailState.HARMED
            ]
        elif outcomes[arm.arm] is ArmStatus.WORSE:
            reasons.append(_goal_reason(Code.ARM_WORSE, arm, evidence))
    return tuple(reasons)


def _state(rail: GuardrailEvidence, evidence: Evidence) -> GuardrailState:
    return guardrail_state(rail, finished=evidence.finished)


def _rail_reason(code: Code, arm: int, rail: GuardrailEvidence) -> Ground:
    numbers = {"margin": rail.margin}
    if rail.bounds is not None:
        numbers |= {"low": rail.bounds[0], "high": rail.bounds[1]}
    return Ground(code=code, arm=arm, metric=rail.metric, numbers=numbers)


def _goal_reason(code: Code, arm: ArmEvidence, evidence: Evidence) -> Ground:
    low, high = arm.bounds or (None, None)
    values = {
        "alpha": evidence.alpha,
        "p_value": arm.p_value,
        "lift": arm.lift,
        "low": low,
        "high": high,
    }
    day = None
    if arm.proof is not None:
        day = arm.proof.day
        values |= {"lift_then": arm.proof.lift, "visitors": arm.proof.visitors}
    numbers = {name: value for name, value in values.items() if value is not None}
    return Ground(code=code, arm=arm.arm, numbers=numbers, day=day)


def _proven(evidence: Evidence, outcomes: Mapping[int, ArmStatus]) -> tuple[Ground, ...]:
    return tuple(
        _goal_reason(Code.ARM_BETTER, arm, evidence)
        for arm in evidence.arms
        if outcomes[arm.arm] is ArmStatus.BETTER
    )


def _waiting(evidence: Evidence) -> Status:
    """Return the status of an experiment that has no answer."""
    if evidence.stopped:
        return Status.STOPPED_EARLY
    return Status.PAUSED if evidence.paused else Status.KEEP_RUNNING


def _verdict(
    evidence: Evidence,
    policy: Policy,
    outcomes: Mapping[int, ArmStatus],
    harm: tuple[Ground, ...],
) -> Decision:
    better_arms = [arm for arm in evidence.arms if outcomes[arm.arm] is ArmStatus.BETTER]
    held = GuardrailState.HELD
    cleared = [
        arm
        for arm in better_arms
        if not evidence.strict_guardrails
        or all(_state(r, evidence) is held for r in arm.guardrails)
    ]
    if cleared:
        return _ship(cleared, evidence, policy, outcomes)
    reasons = tuple(
        _rail_reason(Code.GUARDRAIL_UNCLEAR, arm.arm, rail)
        for arm in better_arms
        for rail in arm.guardrails
        if _state(rail, evidence) is not held
    )
    reasons += _proven(evidence, outcomes)
    statuses = [outcomes[arm.arm] for arm in evidence.arms]
    open_arms = [o for o in statuses if o not in (*_LOSERS, ArmStatus.DROPPED)]
    if open_arms and all(outcome is ArmStatus.EQUIVALENT for outcome in open_arms):
        numbers = {"minimum_change": policy.relevant_change}
        ground = Ground(code=Code.NO_RELEVANT_DIFFERENCE, numbers=numbers)
        return _answer(Status.KEEP_CONTROL, evidence, (ground, *harm), outcomes)
    without_result = [arm for arm in evidence.arms if outcomes[arm.arm] is ArmStatus.NO_RESULT]
    reasons += tuple(Ground(code=Code.NO_RESULT, arm=arm.arm) for arm in without_result)
    return _without_winner(evidence, outcomes, (*reasons, *harm))


def _without_winner(
    evidence: Evidence, outcomes: Mapping[int, ArmStatus], reasons: tuple[Ground, ...]
) -> Decision:
    # Only the strict rule leaves a proven arm here; it is not said to be unproven.
    is_proven = ArmStatus.BETTER in outcomes.values()
    if evidence.finished or evidence.stopped:
        code = (
            Code.PLAN_FINISHED_WITHOUT_WINNER if evidence.finished else Code.STOPPED_WITHOUT_WINNER
        )
        code = Code.ENDED_WITH_OPEN_GUARDRAIL if is_proven else code
        is_told = evidence.finished or is_proven
        status = Status.KEEP_CONTROL if is_told else Status.STOPPED_EARLY
        return _answer(status, evidence, (*reasons, Ground(code=code)), outcomes)
    estimates = {"days_left": evidence.days_left, "planned_n": evidence.planned_n}
    numbers = {"n": evidence.n} | {k: v for k, v in estimates.items() if v is not None}
    code = Code.GUARDRAILS_AWAITED if is_proven else Code.PLAN_NOT_FINISHED
    ground = Ground(code=code, numbers=numbers)
    return _answer(_waiting(evidence), evidence, (*reasons, ground), outcomes)


def _ship(
    cleared: list[ArmEvidence],
    evidence: Evidence,
    policy: Policy,
    outcomes: Mapping[int, ArmStatus],
) -> Decision:
    sign = 1 if evidence.higher_is_better else -1
    best = max(cleared, key=lambda arm: sign * (arm.lift or 0.0))
    reasons = (
        _goal_reason(Code.ARM_BETTER, best, evidence),
        *(
            _rail_reason(Code.GUARDRAIL_HELD, best.arm, rail)
            for rail in best.guardrails
            if _state(rail, evidence) is GuardrailState.HELD
        ),
        *_harm_reasons(evidence, outcomes),
    )
    return Decision(
        status=Status.SHIP,
        winner=best.arm,
        rule=evidence.rule,
        reasons=reasons,
        cautions=_cautions(best, evidence, policy),
        outcomes=outcomes,
    )


def _cautions(best: ArmEvidence, evidence: Evidence, policy: Policy) -> tuple[Ground, ...]:
    lift = best.lift or 0.0
    cautions = [
        _open_question(best.arm, rail, evidence)
        for rail in best.guardrails
        if _state(rail, evidence) is not GuardrailState.HELD
    ]
    if best.suspicious:
        cautions.append(Ground(code=Code.SUSPICIOUS_LIFT, arm=best.arm, numbers={"lift": lift}))
    if abs(lift) < policy.minimum_change:
        numbers = {"lift": lift, "minimum_change": policy.minimum_change}
        cautions.append(Ground(code=Code.BELOW_MINIMUM_CHANGE, arm=best.arm, numbers=numbers))
    if best.shrunken_lift is not None:
        numbers = {"lift": lift, "shrunken_lift": best.shrunken_lift}
        cautions.append(
            Ground(
                code=Code.WINNERS_CURSE,
                arm=best.arm,
                numbers=numbers,
                assumption=best.shrunken_by,
            )
        )
    for arm in evidence.arms:
        gains = turned(arm.bounds, higher_is_better=evidence.higher_is_better)
        is_rival = arm is not best and not arm.is_dropped
        if is_rival and gains is not None and gains[1] > abs(lift):
            cautions.append(Ground(code=Code.RUNNER_UP_NOT_EXCLUDED, arm=arm.arm))
    return tuple(cautions)


def _open_question(arm: int, rail: GuardrailEvidence, evidence: Evidence) -> Ground:
    """Return the caution about a guardrail that is not held: the loss that is not excluded."""
    is_read = rail.anytime or evidence.finished
    loss = -rail.gains[0] if rail.gains is not None and is_read else math.inf
    if math.isinf(loss):
        return Ground(code=Code.GUARDRAIL_UNMEASURED, arm=arm, metric=rail.metric)
    numbers = {"loss": loss, "margin": rail.margin}
    return Ground(code=Code.GUARDRAIL_OPEN, arm=arm, metric=rail.metric, numbers=numbers)


def _answer(
    status: Status,
    evidence: Evidence,
    reasons: tuple[Ground, ...],
    outcomes: Mapping[int, ArmStatus] | None = None,
) -> Decision:
    return Decision(
        status=status, winner=None, rule=evidence.rule, reasons=reasons, outcomes=outcomes or {}
    )
