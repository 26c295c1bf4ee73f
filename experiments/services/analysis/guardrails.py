"""Guardrails: bounds of the loss of every arm on every guardrail metric."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np

from experiments.models import Experiment, GoalRollup, Guardrail, Rollup, Variant
from experiments.services.analysis.comparisons import is_sequential
from experiments.services.analysis.metric_statistics import (
    SUCCESSES,
    Metric,
    is_enough_together,
    statistics_of_metric,
    successes_towards,
)
from experiments.services.analysis.phase_strata import Strata, strata_of
from experiments.services.rollups.arm_totals import ArmTotals, totals_of, with_goal
from experiments.stats.decision.evidence import GuardrailEvidence
from experiments.stats.estimation.contrasts import Contrasts
from experiments.stats.estimation.mantel_haenszel import each_field, mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.sequential.comparison import MIXTURE_VISITORS
from experiments.stats.sequential.one_sided_bounds import Successes, one_sided_bounds

Row = TypeVar("Row", Rollup, GoalRollup)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailCounts:
    """Rollups of everybody and of the guardrails' goals, until a day; None for all."""

    everybody: Sequence[Rollup]
    goals: Sequence[GoalRollup] = ()
    until: date | None = None

    def is_read(self, row: Rollup | GoalRollup) -> bool:
        """Return whether the row is read: a fixed plan reads none after its end."""
        return self.until is None or row.day <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Totals of a guardrail's metric by stratum and arm; `shares` have shape `(S, K)`."""

    metric: Metric
    totals: Sequence[Sequence[ArmTotals]]
    shares: FloatArray


def guardrail_readings(
    experiment: Experiment,
    variants: Sequence[Variant],
    counts: GuardrailCounts,
    *,
    at_every_look: bool | None = None,
) -> tuple[GuardrailReading, ...]:
    """Return every guardrail of every arm but the control, guardrail by guardrail.

    Args:
        experiment: With its guardrails and phases.
        variants: Its arms, control first.
        counts: Rollups to read.
        at_every_look: True for bounds that hold at every look; None as the experiment's plan has
            it.
    """
    is_anytime = is_sequential(experiment) if at_every_look is None else at_every_look
    strata = strata_of(experiment, variants)
    readings: list[GuardrailReading] = []
    for rail in experiment.guardrails.all():
        totals = _totals(rail, variants, counts, strata)
        sums = _Sums(metric=Metric(rail.metric), totals=totals, shares=strata.shares)
        readings += _readings(rail, experiment, variants, sums, is_anytime=is_anytime)
    return tuple(readings)


def _totals(
    rail: Guardrail, variants: Sequence[Variant], counts: GuardrailCounts, strata: Strata
) -> list[list[ArmTotals]]:
    """Return the totals of each stratum's arms; visitors of an unknown phase are left out."""
    everybody = _by_cell([row for row in counts.everybody if counts.is_read(row)], strata)
    goals = [row for row in counts.goals if row.goal == rail.goal and counts.is_read(row)]
    of_goal = _by_cell(goals, strata)
    return [
        [
            with_goal(
                totals_of(everybody.get((stratum, variant.pk), ())),
                of_goal.get((stratum, variant.pk), ()),
            )
            for variant in variants
        ]
        for stratum in range(len(strata.shares))
    ]


def _by_cell(rows: Iterable[Row], strata: Strata) -> dict[tuple[int | None, int], list[Row]]:
    """Return the rows by stratum and variant."""
    cells: dict[tuple[int | None, int], list[Row]] = {}
    for row in rows:
        cells.setdefault((strata.of(row.phase), row.variant_id), []).append(row)
    return cells


def _readings(
    rail: Guardrail,
    experiment: Experiment,
    variants: Sequence[Variant],
    sums: _Sums,
    *,
    is_anytime: bool,
) -> list[GuardrailReading]:
    contrast, successes = _contrasts(sums), _successes(sums)
    planned = _planned_information(experiment, variants)
    bounds = one_sided_bounds(
        contrast,
        successes,
        levels=(experiment.alpha, _harm_level(experiment, variants)),
        time=contrast.information / planned if is_anytime else None,
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
            is_of_successes=successes.stands_in and bool(bounds.is_exact[index]),
        )
        for index, variant in enumerate(variants[1:])
    ]


def _contrasts(sums: _Sums) -> Contrasts:
    """Return each arm against the control, within the strata; every bound rests on these."""
    totals = [total for stratum in sums.totals for total in stratum]
    statistics = statistics_of_metric(sums.metric, totals)
    shape = sums.shares.shape
    return mantel_haenszel_contrasts(each_field(statistics, lambda field: field.reshape(shape)))


def _successes(sums: _Sums) -> Successes:
    """Return the visitors who clicked or converted, by stratum."""

    def table(value: Callable[[ArmTotals], int]) -> FloatArray:
        rows = [[value(total) for total in stratum] for stratum in sums.totals]
        return np.array(rows, dtype=np.float64)

    return Successes(
        visitors=table(lambda total: total.visitors),
        count=table(lambda total: successes_towards(sums.metric, total)),
        shares=sums.shares,
        is_metric=sums.metric in SUCCESSES,
        is_related=sums.metric != Metric.VALUE_PER_CLICK,
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
