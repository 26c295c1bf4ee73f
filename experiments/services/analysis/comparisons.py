"""Comparisons of the arms with the control, by the experiment's metric and plan.

A sequential plan is read after every day, and what it proved stays proven; a fixed plan once, when
the planned visitors are in. Arms are compared within phases of equal shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Experiment, Variant
from experiments.services.analysis.arm_looks import (
    ArmLooks,
    LiftUntil,
    arm_looks,
    lift_paths,
)
from experiments.services.analysis.covariate_adjustment import is_adjustable
from experiments.services.analysis.daily_sums import DailyTotals
from experiments.services.analysis.metric_statistics import adjusted_statistics_of, statistics_of
from experiments.services.analysis.phase_strata import Strata
from experiments.stats.estimation.comparisons import Comparison, Comparisons
from experiments.stats.estimation.contrasts import as_arrays
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    SufficientStatistics,
)
from experiments.stats.frequentist.dunnett import (
    loading_of,
    step_down_levels,
    step_down_p_values,
)
from experiments.stats.frequentist.fixed_horizon import (
    Test,
    compare_fixed,
    compare_fixed_within_phases,
    pooled_z_p_values,
)
from experiments.stats.sequential.comparison import MIXTURE_VISITORS
from experiments.stats.sequential.looks import Path, Schedule, compare_looks
from experiments.stats.sequential.step_down import Family, step_down_family

# When figures may be read, as the JSON report says it.
VALID_AT_EVERY_LOOK = "at every look"
VALID_AT_ONE_LOOK = "at one planned look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One comparison under one rule; its interval agrees with the adjusted p-value."""

    comparison: Comparison
    p_value_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """First day on which an arm was proven different from the control, with what was seen then.

    `visitors` are those of all arms until its end.
    """

    day: date
    p_value_adjusted: float
    lift: float | None
    visitors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResult:
    """One arm against the control.

    `fixed` is valid for one look that was planned; `anytime` at every look. An experiment whose
    figures were imported, or with a fixed horizon, has only the first. Where what was known
    before is taken into account (CUPED), both are adjusted, and `unadjusted` is the decisive one
    without it. `proven` is None until the decisive reading has proven a difference; `looks` are
    those at a sequential plan, `sequence` its lift day by day.
    """

    arm: int
    variant_id: int
    fixed: Reading
    anytime: Reading | None
    unadjusted: Reading | None
    proven: Crossing | None = None
    looks: ArmLooks | None = None
    sequence: tuple[LiftUntil, ...] = ()

    @property
    def decisive(self) -> Reading:
        """Return the reading on which the verdict rests."""
        return self.anytime or self.fixed

    @property
    def valid(self) -> str:
        """Return when the decisive reading may be read."""
        return VALID_AT_EVERY_LOOK if self.anytime else VALID_AT_ONE_LOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """State of the plan.

    `is_over`: the planned visitors are in, and the reading of the plan's end has been made.
    `read_until` is the last day whose visitors the decisive reading counts; None for all.
    """

    is_over: bool
    read_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """Comparisons, the statistics they rest on, of shape `(S, K)`, and the plan's state."""

    rows: tuple[ComparisonResult, ...]
    statistics: SufficientStatistics
    plan: PlanState


def compare_arms(
    experiment: Experiment,
    variants: Sequence[Variant],
    totals: DailyTotals,
    strata: Strata,
    *,
    now: datetime,
) -> Analysed:
    """Return every arm but the control against it, adjusted by Dunnett's steps."""
    schedule = schedule_of(experiment, totals, strata, now)
    end = totals.first_day_with(schedule.planned_visitors, among=schedule.is_scheduled)
    plan = PlanState(is_over=end is not None)
    if end is not None and not is_sequential(experiment):
        plan = PlanState(is_over=True, read_until=totals.days[end])
        totals = totals.until(end)
    plain, adjusted = _statistics(experiment, totals)
    used = plain if adjusted is None else adjusted
    fixed = _fixed_readings(last_look(used), experiment.alpha)
    anytime = proven = looks = unadjusted = sequences = None
    if is_sequential(experiment):
        path = _path(used, schedule)
        family = _family(used, path, schedule.alpha)
        anytime = _anytime_readings(used, schedule, family)
        proven = _crossings(path, totals, family, alpha=schedule.alpha)
        looks = arm_looks(path, used, totals.days)
        sequences = lift_paths(path, totals.days)
    if adjusted is not None:
        unadjusted = (
            _anytime_readings(
                plain, schedule, _family(plain, _path(plain, schedule), schedule.alpha)
            )
            if is_sequential(experiment)
            else _fixed_readings(last_look(plain), experiment.alpha)
        )
    rows = tuple(
        ComparisonResult(
            arm=variant.arm,
            variant_id=variant.pk,
            fixed=fixed[index],
            anytime=anytime[index] if anytime else None,
            unadjusted=unadjusted[index] if unadjusted else None,
            proven=proven[index] if proven else None,
            looks=looks[index] if looks else None,
            sequence=sequences[index] if sequences else (),
        )
        for index, variant in enumerate(variants[1:])
    )
    return Analysed(rows=rows, statistics=last_look(used), plan=plan)


def is_sequential(experiment: Experiment) -> bool:
    """Imported figures are analysed once: their source decided when to stop."""
    is_live = experiment.origin == Experiment.Origin.LIVE
    return is_live and experiment.plan == Experiment.Plan.SEQUENTIAL


def planned_pairs(experiment: Experiment, variants: Sequence[Variant]) -> FloatArray:
    """Return, for each arm but the control, the planned visitors of the two together.

    Without a plan, those at which a mixture is tightest.
    """
    shares = np.array([float(variant.share) for variant in variants])
    total = experiment.planned_visitors or MIXTURE_VISITORS * len(variants) / 2
    pairs: FloatArray = total * (shares[0] + shares[1:])
    return pairs


def schedule_of(
    experiment: Experiment, totals: DailyTotals, strata: Strata, now: datetime
) -> Schedule:
    """Return the plan with its looks: the ends of the experiment's days, and its own end."""
    ended = experiment.stopped_at
    today = calendar_day(now, experiment.zone_of_days)
    is_over = [ended is not None or day < today for day in totals.days]
    is_live = experiment.origin == Experiment.Origin.LIVE
    return Schedule(
        planned_visitors=experiment.planned_visitors if is_live else None,
        alpha=experiment.alpha,
        shares=strata.shares,
        is_scheduled=np.array(is_over or [False], dtype=bool),
    )


def _statistics(
    experiment: Experiment, totals: DailyTotals
) -> tuple[SufficientStatistics, SufficientStatistics | None]:
    """Return the sums until each day, and those with the covariate where it is used."""
    plain = totals.statistics(lambda cells: statistics_of(experiment, cells))
    if not is_adjustable(totals.arms()):
        return plain, None
    return plain, totals.statistics(lambda cells: adjusted_statistics_of(experiment, cells))


def last_look(statistics: SufficientStatistics) -> SufficientStatistics:
    """Return the sums until the last look, shape `(S, K)`."""
    return each_field(statistics, lambda field: field[-1])


def _fixed_readings(statistics: SufficientStatistics, alpha: float) -> list[Reading]:
    p_values = _p_values_once(statistics, alpha)
    loading = loading_of(_visitors(statistics))
    levels = step_down_levels(p_values, loading, alpha)
    return _readings(compare_once(statistics, levels), step_down_p_values(p_values, loading))


def compare_once(statistics: SufficientStatistics, level: FloatArray) -> Comparisons:
    """Return the comparisons that hold at one planned look; statistics of shape `(S, K)`."""
    if statistics.shape[0] > 1:
        return compare_fixed_within_phases(statistics, alpha=level)
    whole = _only_phase(statistics)
    test: Test = "pooled_z" if _is_plain_rate(whole) else "welch"
    return compare_fixed(whole, alpha=level, test=test)


def _p_values_once(statistics: SufficientStatistics, alpha: float) -> FloatArray:
    """Return the p-values of `compare_once`, which depend on no level."""
    if statistics.shape[0] == 1 and _is_plain_rate(whole := _only_phase(statistics)):
        return pooled_z_p_values(whole)
    return compare_once(statistics, np.array(alpha)).p_value


def _only_phase(statistics: SufficientStatistics) -> SufficientStatistics:
    return each_field(statistics, lambda field: field[0])


def _is_plain_rate(statistics: SufficientStatistics) -> bool:
    """Return whether the z-test is used that pools the arms; it has no adjusted form.

    It is the same statement as the two-arm chi-squared test.
    """
    return isinstance(statistics, Proportion) and not statistics.has_covariate


def _path(statistics: SufficientStatistics, schedule: Schedule) -> Path:
    """Return all looks; their boundary is that of the first arm which Dunnett's steps prove."""
    loading = loading_of(_visitors(statistics)[-1])
    first_step = step_down_levels(np.ones(len(loading)), loading, schedule.alpha)
    return compare_looks(statistics, schedule, level=first_step)


def _family(statistics: SufficientStatistics, path: Path, alpha: float) -> Family:
    """Return the p-values of the arms adjusted for each other, look by look."""
    return step_down_family(path.p_values, _visitors(statistics), alpha=alpha)


def _anytime_readings(
    statistics: SufficientStatistics, schedule: Schedule, family: Family
) -> list[Reading]:
    """Return what holds at every look; `family` is that of the same statistics."""
    path = compare_looks(statistics, schedule, level=family.levels)
    return _readings(path.comparisons, family.p_values[-1])


def _visitors(statistics: SufficientStatistics) -> FloatArray:
    """Return the visitors of the arms in all phases, shape `(..., K)`."""
    (n,) = as_arrays(statistics.n)
    return np.asarray(n.sum(axis=-2))


def _crossings(
    path: Path, totals: DailyTotals, family: Family, *, alpha: float
) -> list[Crossing | None]:
    adjusted = family.p_values
    is_proven = adjusted <= alpha
    return [
        _crossing(path, totals, adjusted, int(is_proven[:, arm].argmax()), arm)
        if is_proven[:, arm].any()
        else None
        for arm in range(adjusted.shape[1])
    ]


def _crossing(
    path: Path, totals: DailyTotals, adjusted: FloatArray, look: int, arm: int
) -> Crossing:
    lift = float(path.look.comparisons.lift[look, arm])
    return Crossing(
        day=totals.days[look],
        p_value_adjusted=float(adjusted[look, arm]),
        lift=lift if np.isfinite(lift) else None,
        visitors=totals.visitors_until(look),
    )


def _readings(compared: Comparisons, adjusted: FloatArray) -> list[Reading]:
    """Return comparisons, with intervals at the levels that agree with the p-values."""
    return [
        Reading(comparison=row, p_value_adjusted=None if np.isnan(p_value) else float(p_value))
        for row, p_value in zip(compared.rows(), adjusted, strict=True)
    ]
