"""Guardrails: bounds of the loss of every arm on every guardrail metric."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from experiments.models import Experiment, GoalRollup, Guardrail, Variant
from experiments.services.analysis.comparisons import is_sequential, planned_pairs
from experiments.services.analysis.metric_statistics import Metric, is_enough, statistics_of_metric
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.decision.evidence import GuardrailEvidence
from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.lift_intervals import fieller_interval
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.sequential.boundaries import one_sided_multiplier


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailReading:
    """One arm's lift on one guardrail; each end of `bounds` holds one-sided at alpha.

    None below the floors of a decision, or where the lift has no bounded interval. `is_anytime`
    is True if the bounds hold at every look, not only at the planned end.
    """

    arm: int
    name: str
    metric: str
    goal: str
    margin: float
    higher_is_better: bool
    lift: float | None
    bounds: tuple[float, float] | None
    is_anytime: bool

    def evidence(self) -> GuardrailEvidence:
        return GuardrailEvidence(
            metric=self.name,
            bounds=self.bounds,
            margin=self.margin,
            higher_is_better=self.higher_is_better,
            anytime=self.is_anytime,
        )


def guardrail_readings(
    experiment: Experiment,
    variants: Sequence[Variant],
    totals: Sequence[ArmTotals],
    goal_rollups: Iterable[GoalRollup],
    *,
    at_every_look: bool | None = None,
) -> tuple[GuardrailReading, ...]:
    """Return every guardrail of every arm but the control, guardrail by guardrail.

    `at_every_look`: whether the bounds hold at every look; None as the experiment's plan has it.
    """
    is_anytime = is_sequential(experiment) if at_every_look is None else at_every_look
    rows = list(goal_rollups)
    readings: list[GuardrailReading] = []
    for rail in experiment.guardrails.all():
        rail_totals = [
            _with_goal(total, [row for row in rows if _is_of(row, variant, rail)])
            for variant, total in zip(variants, totals, strict=True)
        ]
        readings += _readings(rail, experiment, variants, rail_totals, is_anytime=is_anytime)
    return tuple(readings)


def _is_of(row: GoalRollup, variant: Variant, rail: Guardrail) -> bool:
    return row.variant_id == variant.pk and row.goal == rail.goal


def _with_goal(total: ArmTotals, rows: Sequence[GoalRollup]) -> ArmTotals:
    """Return the arm's visitors with what they did towards the guardrail's goal."""
    empty = ArmTotals()
    return replace(
        total,
        converting_visitors=sum(row.converting_visitors for row in rows),
        value_sum=sum((row.value_sum for row in rows), empty.value_sum),
        value_sum_squares=sum((row.value_sum_squares for row in rows), empty.value_sum_squares),
    )


def _readings(
    rail: Guardrail,
    experiment: Experiment,
    variants: Sequence[Variant],
    totals: Sequence[ArmTotals],
    *,
    is_anytime: bool,
) -> list[GuardrailReading]:
    metric = Metric(rail.metric)
    contrast = contrasts(raw_estimates(statistics_of_metric(metric, totals)))
    time = contrast.n / planned_pairs(experiment, variants)
    low, high, _ = fieller_interval(
        contrast, _multiplier(time, experiment.alpha, is_anytime=is_anytime)
    )
    enough = [is_enough(metric, total) for total in totals]
    return [
        GuardrailReading(
            arm=variant.arm,
            name=str(rail),
            metric=rail.metric,
            goal=rail.goal,
            margin=rail.margin,
            higher_is_better=rail.higher_is_better,
            lift=_finite(contrast.lift[index]),
            bounds=(float(low[index]), float(high[index]))
            if enough[0] and enough[index + 1] and np.isfinite(low[index])
            else None,
            is_anytime=is_anytime,
        )
        for index, variant in enumerate(variants[1:])
    ]


def _multiplier(time: FloatArray, alpha: float, *, is_anytime: bool) -> FloatArray:
    if not is_anytime:
        return np.full_like(time, -float(ndtri(alpha)))
    # The engine's one-sided sequence is for error rates below one half.
    return one_sided_multiplier(time, alpha=min(alpha, 0.49))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
