"""Guardrails: bounds of the loss of every arm on every guardrail metric."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.models import Experiment, GoalRollup, Guardrail, Rollup, Variant
from experiments.services.analysis.comparisons import is_sequential
from experiments.services.analysis.metric_statistics import (
    Metric,
    is_enough_together,
    statistics_of_metric,
    successes_towards,
)
from experiments.services.analysis.sample_ratio import has_changed_shares
from experiments.services.rollups.arm_totals import ArmTotals, totals_of
from experiments.stats.decision.evidence import GuardrailEvidence
from experiments.stats.estimation.contrasts import Contrasts
from experiments.stats.estimation.mantel_haenszel import each_field, mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.sequential.comparison import MIXTURE_VISITORS
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
    rollups: Iterable[Rollup],
    goal_rollups: Iterable[GoalRollup],
    *,
    at_every_look: bool | None = None,
) -> tuple[GuardrailReading, ...]:
    """Return every guardrail of every arm but the control, guardrail by guardrail.

    Args:
        experiment: With its guardrails and phases.
        variants: Its arms, control first.
        rollups: Rollups of everybody.
        goal_rollups: Rollups of the guardrails' goals.
        at_every_look: True for bounds that hold at every look; None as the experiment's plan has
            it.
    """
    is_anytime = is_sequential(experiment) if at_every_look is None else at_every_look
    everybody, goals = list(rollups), list(goal_rollups)
    readings: list[GuardrailReading] = []
    for rail in experiment.guardrails.all():
        of_goal = [row for row in goals if row.goal == rail.goal]
        strata = _strata(experiment, variants, everybody, of_goal)
        readings += _readings(rail, experiment, variants, strata, is_anytime=is_anytime)
    return tuple(readings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stratum:
    """Totals of the arms on one guardrail, with their shares: these are compared like with like."""

    totals: tuple[ArmTotals, ...]
    shares: tuple[float, ...]


def _strata(
    experiment: Experiment,
    variants: Sequence[Variant],
    rollups: Sequence[Rollup],
    goal_rollups: Sequence[GoalRollup],
) -> tuple[_Stratum, ...]:
    totals = tuple(
        _with_goal(
            totals_of(row for row in rollups if row.variant_id == variant.pk),
            [row for row in goal_rollups if row.variant_id == variant.pk],
        )
        for variant in variants
    )
    shares = [float(variant.share) for variant in variants]
    if has_changed_shares(experiment):
        # The split of all visitors is the mean of what the phases intended.
        visitors = sum(total.visitors for total in totals)
        shares = [total.visitors / max(visitors, 1) for total in totals]
    return (_Stratum(totals=totals, shares=tuple(shares)),)


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
    strata: Sequence[_Stratum],
    *,
    is_anytime: bool,
) -> list[GuardrailReading]:
    metric = Metric(rail.metric)
    contrast = _contrasts(metric, strata)
    successes = _successes(metric, strata)
    bounds = one_sided_bounds(
        contrast,
        successes,
        levels=(experiment.alpha, _harm_level(experiment, variants)),
        time=contrast.information / _planned_information(experiment, variants)
        if is_anytime
        else None,
        higher_is_better=rail.higher_is_better,
    )
    has_enough = is_enough_together(successes.visitors.sum(axis=0), successes.count.sum(axis=0))
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
            if has_enough[index]
            else None,
            is_anytime=is_anytime,
            is_of_successes=not successes.is_metric and bool(bounds.is_exact[index]),
        )
        for index, variant in enumerate(variants[1:])
    ]


def _contrasts(metric: Metric, strata: Sequence[_Stratum]) -> Contrasts:
    """Return each arm against the control on one metric, within the strata."""
    totals = [total for stratum in strata for total in stratum.totals]
    shape = (len(strata), len(strata[0].totals))
    statistics = statistics_of_metric(metric, totals)
    return mantel_haenszel_contrasts(each_field(statistics, lambda field: field.reshape(shape)))


def _successes(metric: Metric, strata: Sequence[_Stratum]) -> Successes:
    """Return the visitors who clicked or converted, by stratum."""

    def table(value: Callable[[ArmTotals], int]) -> FloatArray:
        rows = [[value(total) for total in stratum.totals] for stratum in strata]
        return np.array(rows, dtype=np.float64)

    return Successes(
        visitors=table(lambda total: total.visitors),
        count=table(lambda total: successes_towards(metric, total)),
        shares=np.array([stratum.shares for stratum in strata]),
        is_metric=metric != Metric.VALUE_PER_VISITOR,
    )


def _planned_information(experiment: Experiment, variants: Sequence[Variant]) -> FloatArray:
    """Return the information that each comparison was planned to have, in visitors.

    By the first shares that the pair had: what tunes a sequence is chosen before the first look.
    """
    total = experiment.planned_visitors or MIXTURE_VISITORS * len(variants) / 2
    phases = [phase.shares for phase in experiment.phases.all()]
    shares = np.array(phases or [[float(variant.share) for variant in variants]])
    control, arms = shares[:, :1], shares[:, 1:]
    by_phase = np.where((control > 0) & (arms > 0), control * arms / (control + arms), 0)
    first = np.argmax(by_phase > 0, axis=0)
    planned = np.take_along_axis(by_phase, first[np.newaxis], axis=0)[0]
    return np.where(planned > 0, total * planned, np.nan)


def _harm_level(experiment: Experiment, variants: Sequence[Variant]) -> float:
    """Return the error rate of one proof of harm: all arms and guardrails share alpha.

    Bonferroni's correction. That every guardrail is held needs none: all of them must be.
    """
    return experiment.alpha / (len(variants[1:]) * len(experiment.guardrails.all()))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
