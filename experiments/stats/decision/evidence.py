"""Evidence of a decision: plain numbers, checked once, without data access.

Lifts and bounds are as measured; `higher_is_better` is the direction that is good, and `turned`
(a guardrail's `gains`) turns bounds so that up is good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from experiments.stats.meta_analysis.winners_curse import Assumption

Bounds = tuple[float, float]


class Rule(StrEnum):
    """Permitted number of looks at the p-values and bounds of the goal."""

    FIXED_HORIZON = "fixed_horizon"  # once, when the plan is finished
    SEQUENTIAL = "sequential"  # at any time


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailEvidence:
    """One metric that an arm must not harm.

    Attributes:
        metric: Its name.
        bounds: One-sided confidence bounds of the lift, infinite where nothing bounds it, or None
            below the floors of the metric.
        margin: Largest loss that is tolerated, as a lift, at least 0.
        higher_is_better: False for a metric such as page errors.
        anytime: True if the bounds hold at every look, not only at the planned end.

    Raises:
        ValueError: If a number is out of range.

    >>> GuardrailEvidence(metric="errors", bounds=(0.01, 0.2), higher_is_better=False).gains
    (-0.2, -0.01)
    """

    metric: str
    bounds: Bounds | None
    margin: float = 0.0
    higher_is_better: bool = True
    anytime: bool = True

    def __post_init__(self) -> None:
        if self.bounds is not None and not self.bounds[0] <= self.bounds[1]:  # Fails for NaN too.
            msg = f"guardrail {self.metric} bounds must be in order, got {self.bounds}"
            raise ValueError(msg)
        _check_at_least_zero(f"guardrail {self.metric} margin", self.margin)

    @property
    def gains(self) -> Bounds | None:
        """Return the bounds turned so that up is good."""
        return turned(self.bounds, higher_is_better=self.higher_is_better)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """First proof of a difference: the day, the lift on it and the visitors of all arms so far.

    Its lift gives the direction; that of all data may have changed since.
    """

    day: date
    lift: float
    visitors: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEvidence:
    """Evidence for one arm against the control on the goal.

    Attributes:
        arm: Index, at least 1 (control is 0).
        n: Visitors exposed.
        conversions: Visitors who clicked or converted; None for a metric without such a count.
        lift: Observed lift, or None where undefined.
        bounds: Family-wise interval of the lift, or None where undefined.
        p_value: P-value of the effect, adjusted within the family, or None where undefined. A
            sequential one is the smallest of all looks: it never rises.
        proof: First proof of a difference, or None.
        shrunken_lift: Lift corrected for the winner's curse, if computed.
        shrunken_by: Assumption behind the correction, given with it.
        suspicious: True if the lift is too good to be true (Twyman).
        guardrails: The arm's guardrails.
        is_dropped: True if visitors are no longer given the arm, while others go on.
        is_rolled_back: True if that is because it harmed a guardrail, which stays proven.

    Raises:
        ValueError: If a number is out of range.
    """

    arm: int
    n: float
    conversions: float | None = None
    lift: float | None = None
    bounds: Bounds | None = None
    p_value: float | None = None
    proof: Proof | None = None
    shrunken_lift: float | None = None
    shrunken_by: Assumption | None = None
    suspicious: bool = False
    guardrails: tuple[GuardrailEvidence, ...] = ()
    is_dropped: bool = False
    is_rolled_back: bool = False

    def __post_init__(self) -> None:
        if self.arm < 1:
            msg = f"arm must be at least 1 (control is 0), got {self.arm}"
            raise ValueError(msg)
        name = f"arm {self.arm}"
        _check_at_least_zero(f"{name} n", self.n)
        _check_at_least_zero(f"{name} conversions", self.conversions)
        _check_finite(f"{name} lift", self.lift)
        _check_finite(f"{name} shrunken_lift", self.shrunken_lift)
        _check_probability(f"{name} p_value", self.p_value)
        _check_bounds(f"{name} bounds", self.bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that one decision looks at.

    Attributes:
        arms: Evidence of the arms other than control.
        control_n: Visitors exposed to control.
        control_conversions: As `ArmEvidence.conversions`.
        rule: Permitted use of the goal's p-values.
        alpha: Family-wise false-alarm rate of the goal, in (0, 1).
        higher_is_better: Direction of the goal.
        days: Days since the start, at least 0.
        planned_n: Planned visitors of all arms together, or None.
        planned_days: Planned duration, or None; one of the two plans must be given for a
            fixed horizon.
        strict_guardrails: True if a winner is shipped only once each of its guardrails is held.
        plan_over: Whether the reading of the plan's end has been made; where None, the plan is
            over as soon as its visitors and days are reached.
        stopped: True if the experiment no longer takes visitors.
        paused: True while everybody is shown the default CTA.
        srm_p_value: P-value of the sample-ratio mismatch test, None if not computed.
        multiple_arm_visitors: Visitors who met more than one arm.
        silent_hours: Hours since the last exposure, or None.
        currencies: For each goal whose values are in several currencies, the conversions by
            currency; the empty currency is that of values without one.
        days_left: Days to the answer at present traffic, or None if unknown.

    Raises:
        ValueError: If a number is out of range, an arm is missing or given twice, or a fixed
            horizon has no plan.
    """

    arms: tuple[ArmEvidence, ...]
    control_n: float
    control_conversions: float | None = None
    rule: Rule = Rule.SEQUENTIAL
    alpha: float = 0.05
    higher_is_better: bool = True
    days: float = 0.0
    planned_n: float | None = None
    planned_days: float | None = None
    strict_guardrails: bool = False
    plan_over: bool | None = None
    stopped: bool = False
    paused: bool = False
    srm_p_value: float | None = None
    multiple_arm_visitors: int = 0
    silent_hours: float | None = None
    days_left: float | None = None
    currencies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        indices = [arm.arm for arm in self.arms]
        if not indices or len(set(indices)) < len(indices):
            msg = f"arms must hold each arm other than control once, got {indices}"
            raise ValueError(msg)
        if not 0 < self.alpha < 1:
            msg = f"alpha must be in (0, 1), got {self.alpha}"
            raise ValueError(msg)
        _check_probability("srm_p_value", self.srm_p_value)
        for name in ("control_n", "control_conversions", "days", "planned_n", "planned_days"):
            _check_at_least_zero(name, getattr(self, name))
        for name in ("multiple_arm_visitors", "silent_hours", "days_left"):
            _check_at_least_zero(name, getattr(self, name))
        if self.rule is Rule.FIXED_HORIZON and self.planned_n is None and self.planned_days is None:
            msg = "a fixed horizon needs planned_n or planned_days"
            raise ValueError(msg)

    @property
    def n(self) -> float:
        """Return the visitors of all arms."""
        return self.control_n + sum(arm.n for arm in self.arms)

    @property
    def finished(self) -> bool:
        """Return whether every given part of the plan is reached and read."""
        if self.plan_over is False:
            return False
        targets = ((self.n, self.planned_n), (self.days, self.planned_days))
        parts = [(reached, target) for reached, target in targets if target is not None]
        return bool(parts) and all(reached >= target for reached, target in parts)


def turned(bounds: Bounds | None, *, higher_is_better: bool) -> Bounds | None:
    """Return the bounds so that up is good.

    >>> turned((0.01, 0.2), higher_is_better=False)
    (-0.2, -0.01)
    """
    if bounds is None or higher_is_better:
        return bounds
    return -bounds[1], -bounds[0]


def _check_finite(name: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        msg = f"{name} must be finite, got {value}"
        raise ValueError(msg)


def _check_at_least_zero(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value < math.inf:
        msg = f"{name} must be finite and at least 0, got {value}"
        raise ValueError(msg)


def _check_probability(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        msg = f"{name} must be in [0, 1], got {value}"
        raise ValueError(msg)


def _check_bounds(name: str, bounds: Bounds | None) -> None:
    # Fails for NaN too.
    if bounds is not None and not -math.inf < bounds[0] <= bounds[1] < math.inf:
        msg = f"{name} must be finite and in order, got {bounds}"
        raise ValueError(msg)
