"""Guardrails: bounds of the loss of every arm on every guardrail metric."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.models import Experiment, GoalRollup, Guardrail, Variant
from experiments.services.analysis.comparisons import is_sequential, planned_pairs
from experiments.services.analysis.metric_statistics import (
    Metric,
    is_enough_together,
    statistics_of_metric,
    successes_towards,
)
from experiments.services.analysis.sample_ratio import has_changed_shares
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.decision.evidence import GuardrailEvidence
from experiments.stats.estimation.contrasts import Contrasts, contrasts, raw_estimates
from experiments.stats.sequential.one_sided_bounds import Successes, one_sided_bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailReading:
    """One arm's lift on one guardrail, with one-sided bounds.

    The end of `bounds` that excludes a loss holds at alpha, the one that shows harm at the arms'
    and guardrails' shares of it; infinite where nothing bounds the lift. None below the floors:
    100 visitors an arm, and 40 successes of it and the control together, because a harmful arm
    may have none. `is_anytime` is True if the bounds hold at every look, not only at the planned
    end. `is_of_successes`: few visitors converted, and the bounds are of their number, not of
    the values.
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
    is_of_successes: bool = False

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
    contrast = _contrasts(metric, totals)
    successes = _successes(metric, experiment, variants, totals)
    bounds = one_sided_bounds(
        contrast,
        successes,
        levels=(experiment.alpha, _harm_level(experiment, variants)),
        time=contrast.n / planned_pairs(experiment, variants) if is_anytime else None,
        higher_is_better=rail.higher_is_better,
    )
    return [
        GuardrailReading(
            arm=variant.arm,
            name=str(rail),
            metric=rail.metric,
            goal=rail.goal,
            margin=rail.margin,
            higher_is_better=rail.higher_is_better,
            lift=_finite(contrast.lift[index]),
            bounds=(float(bounds.low[index]), float(bounds.high[index]))
            if is_enough_together(metric, totals[0], totals[index + 1])
            else None,
            is_anytime=is_anytime,
            is_of_successes=not successes.is_metric and bool(bounds.is_exact[index]),
        )
        for index, variant in enumerate(variants[1:])
    ]


def _contrasts(metric: Metric, totals: Sequence[ArmTotals]) -> Contrasts:
    """Return each arm against the control on one metric; every bound rests on these."""
    return contrasts(raw_estimates(statistics_of_metric(metric, totals)))


def _successes(
    metric: Metric,
    experiment: Experiment,
    variants: Sequence[Variant],
    totals: Sequence[ArmTotals],
) -> Successes:
    """Return the visitors who clicked or converted, as one phase."""
    visitors = np.array([total.visitors for total in totals], dtype=np.float64)
    shares = np.array([float(variant.share) for variant in variants])
    if has_changed_shares(experiment):
        # The split of all visitors is the mean of what the phases intended.
        shares = visitors / max(visitors.sum(), 1)
    count = [successes_towards(metric, total) for total in totals]
    return Successes(
        visitors=visitors[np.newaxis],
        count=np.array(count, dtype=np.float64)[np.newaxis],
        shares=shares[np.newaxis],
        is_metric=metric != Metric.VALUE_PER_VISITOR,
    )


def _harm_level(experiment: Experiment, variants: Sequence[Variant]) -> float:
    """Return the error rate of one proof of harm: all arms and guardrails share alpha.

    Bonferroni's correction. That every guardrail is held needs none: all of them must be.
    """
    return experiment.alpha / (len(variants[1:]) * len(experiment.guardrails.all()))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
