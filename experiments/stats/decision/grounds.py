"""Grounds of a decision: what speaks for it, and what its reader is cautioned about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from experiments.stats.meta_analysis.winners_curse import Assumption


class Code(StrEnum):
    """Reasons and cautions; their texts are written and translated elsewhere."""

    SRM = "srm"
    MULTIPLE_ARMS = "multiple_arms"
    SEVERAL_CURRENCIES = "several_currencies"
    NO_TRAFFIC = "no_traffic"
    TOO_FEW_VISITORS = "too_few_visitors"
    TOO_FEW_CONVERSIONS = "too_few_conversions"
    TOO_FEW_DAYS = "too_few_days"
    GUARDRAIL_HARMED = "guardrail_harmed"
    ARM_ROLLED_BACK = "arm_rolled_back"
    GUARDRAIL_UNCLEAR = "guardrail_unclear"
    GUARDRAIL_HELD = "guardrail_held"
    GUARDRAIL_OPEN = "guardrail_open"
    GUARDRAIL_UNMEASURED = "guardrail_unmeasured"
    GUARDRAILS_AWAITED = "guardrails_awaited"
    ENDED_WITH_OPEN_GUARDRAIL = "ended_with_open_guardrail"
    ARM_WORSE = "arm_worse"
    ARM_BETTER = "arm_better"
    NO_RESULT = "no_result"
    NO_RELEVANT_DIFFERENCE = "no_relevant_difference"
    PLAN_NOT_FINISHED = "plan_not_finished"
    PLAN_FINISHED_WITHOUT_WINNER = "plan_finished_without_winner"
    STOPPED_WITHOUT_WINNER = "stopped_without_winner"
    PAUSED = "paused"
    SUSPICIOUS_LIFT = "suspicious_lift"
    WINNERS_CURSE = "winners_curse"
    BELOW_MINIMUM_CHANGE = "below_minimum_change"
    RUNNER_UP_NOT_EXCLUDED = "runner_up_not_excluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One reason of a decision: a code, the arm and metric it is about, numbers for its text.

    `day` is that of a proof; a corrected lift comes with its assumption.
    """

    code: Code
    arm: int | None = None
    metric: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    day: date | None = None
    assumption: Assumption | None = None
