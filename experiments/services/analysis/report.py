"""Report of an experiment: rollups -> statistics -> comparisons. Reads sums, never events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from experiments.models import Experiment, Rollup, Variant
from experiments.services.analysis.comparisons import ComparisonResult, PlanState, compare_arms
from experiments.services.analysis.covariate_adjustment import Adjustment, adjustment_of
from experiments.services.analysis.currencies import (
    GoalCurrencies,
    goal_currencies,
    is_comparable,
    without_mixed_values,
)
from experiments.services.analysis.daily_sums import DailyTotals, daily_totals
from experiments.services.analysis.guardrails import (
    GuardrailCounts,
    GuardrailReading,
    guardrail_readings,
)
from experiments.services.analysis.metric_statistics import statistics_of, successes_of
from experiments.services.analysis.phase_strata import Strata, strata_of
from experiments.services.analysis.rollup_source import Counts, StoredCounts
from experiments.services.analysis.sample_ratio import split_check
from experiments.services.analysis.silence import silent_hours
from experiments.services.catalogue.cta_content import wording_of
from experiments.services.rollups.arm_totals import ArmTotals, LeftOut, left_out_of, totals_of
from experiments.services.rollups.visitor_outcome import value_goals
from experiments.stats.estimation.contrasts import raw_estimates
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import (
    Proportion,
    SufficientStatistics,
)
from experiments.stats.frequentist.fixed_horizon import wilson_interval
from experiments.stats.frequentist.omnibus import (
    Omnibus,
    chi_squared,
    cochran_mantel_haenszel,
    welch_anova,
)
from experiments.stats.health.sample_ratio import SrmCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One arm of a report; `rate` is the primary metric's mean a visitor, or its ratio.

    `clicks` and `conversions` are visitors; `all_clicks` and `all_conversions` count several of a
    visitor, in the conversion window. `capped_visitors` were worth more than the cap;
    `repeated_orders` are conversions left out because their order is counted already.
    `successes` are the visitors who did what the metric counts; None unless it is a rate.
    """

    arm: int
    key: str
    text: str
    share: float
    visitors: int
    clicks: int
    conversions: int
    successes: int | None
    rate: float | None
    interval: tuple[float, float] | None
    is_rolled_back: bool = False
    all_clicks: int = 0
    all_conversions: int = 0
    capped_visitors: int = 0
    repeated_orders: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfArm:
    """Visitors and clicks of the visitors first exposed on a day."""

    day: date
    arm: int
    visitors: int
    clicks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the report page, the API and exports show of an experiment.

    For a draft, or with fewer than two arms, nothing is compared: `statistics` (those that the
    comparisons rest on, `(S, K)`), `plan`, `omnibus` and `srm` are None. With values in several
    currencies neither the comparisons nor the arms' rates exist. `strata` are the phases within
    which arms are compared. `silent_hours` is None unless it runs.
    """

    experiment: Experiment
    as_of: datetime
    arms: tuple[ArmResult, ...]
    totals: tuple[ArmTotals, ...]
    daily: DailyTotals
    statistics: SufficientStatistics | None
    comparisons: tuple[ComparisonResult, ...]
    plan: PlanState | None
    strata: Strata
    adjustment: Adjustment | None
    guardrails: tuple[GuardrailReading, ...]
    currencies: tuple[GoalCurrencies, ...]
    omnibus: Omnibus | None
    srm: SrmCheck | None
    quarantined_visitors: int
    left_out: tuple[LeftOut, ...]
    days: tuple[DayOfArm, ...]
    rollups: tuple[Rollup, ...]
    silent_hours: float | None

    @property
    def repeated_orders(self) -> int:
        return sum(arm.repeated_orders for arm in self.arms)


def report_of(*, experiment: Experiment, now: datetime, counts: Counts | None = None) -> Report:
    """Return the report from the experiment's rollups; its cost does not depend on the events.

    Others' `counts` of the same experiment, such as a warehouse's, may stand in for the stored.
    """
    counts = StoredCounts(experiment) if counts is None else counts
    variants = list(experiment.variants.all())
    rollups = list(counts.everybody())
    totals = [
        totals_of(row for row in rollups if row.variant_id == variant.pk) for variant in variants
    ]
    # A draft has no visitors, and its shares need not sum to 1 yet.
    has_rivals = len(variants) > 1 and experiment.status != Experiment.Status.DRAFT
    currencies = goal_currencies(counts.currencies()) if value_goals(experiment) else ()
    has_rates = is_comparable(experiment, currencies)
    strata = strata_of(experiment, variants)
    daily = daily_totals(rollups, variants, strata)
    analysed = compare_arms(experiment, variants, daily, strata, now=now) if has_rivals else None
    compared = analysed if has_rates else None
    readings = _guardrails(experiment, variants, rollups, counts, analysed.plan) if analysed else ()
    return Report(
        experiment=experiment,
        as_of=now,
        arms=_arms(experiment, variants, totals, has_rates=has_rates),
        totals=tuple(totals),
        daily=daily,
        statistics=compared.statistics if compared else None,
        comparisons=compared.rows if compared else (),
        plan=compared.plan if compared else None,
        strata=strata,
        adjustment=adjustment_of(experiment, totals) if compared else None,
        guardrails=without_mixed_values(readings, currencies),
        currencies=currencies,
        omnibus=_omnibus(experiment, totals, daily) if compared else None,
        srm=split_check(experiment, variants, rollups) if has_rivals else None,
        quarantined_visitors=sum(total.quarantined_visitors for total in totals),
        left_out=left_out_of(totals),
        days=_days(rollups),
        rollups=tuple(rollups),
        silent_hours=silent_hours(experiment, rollups, now=now) if has_rivals else None,
    )


def _guardrails(
    experiment: Experiment,
    variants: Sequence[Variant],
    rollups: Sequence[Rollup],
    counts: Counts,
    plan: PlanState,
) -> tuple[GuardrailReading, ...]:
    """Return the guardrails; one query more where one counts a goal."""
    has_goal = any(rail.goal for rail in experiment.guardrails.all())
    goals = list(counts.goals()) if has_goal else []
    read = GuardrailCounts(everybody=rollups, goals=goals, until=plan.read_until)
    return guardrail_readings(experiment, variants, read)


def _arms(
    experiment: Experiment,
    variants: Sequence[Variant],
    totals: Sequence[ArmTotals],
    *,
    has_rates: bool,
) -> tuple[ArmResult, ...]:
    rows = []
    for variant, total in zip(variants, totals, strict=True):
        rate, interval = _rate(experiment, total) if has_rates else (None, None)
        rows.append(
            ArmResult(
                arm=variant.arm,
                key=variant.key,
                text=wording_of(experiment, variant),
                share=float(variant.share),
                visitors=total.visitors,
                clicks=total.clicking_visitors,
                conversions=total.converting_visitors,
                successes=successes_of(experiment, total),
                rate=rate,
                interval=interval,
                is_rolled_back=variant.rolled_back_at is not None,
                all_clicks=total.click_sum,
                all_conversions=total.conversion_sum,
                capped_visitors=total.capped_visitors,
                repeated_orders=total.repeated_orders,
            )
        )
    return tuple(rows)


def _rate(
    experiment: Experiment, total: ArmTotals
) -> tuple[float | None, tuple[float, float] | None]:
    if total.visitors == 0:
        return None, None
    successes = successes_of(experiment, total)
    if successes is None:
        (mean,) = raw_estimates(statistics_of(experiment, [total])).mean.tolist()
        return mean if np.isfinite(mean) else None, None
    low, high = wilson_interval(successes, total.visitors, alpha=experiment.alpha)
    return successes / total.visitors, (float(low), float(high))


def _omnibus(experiment: Experiment, totals: Sequence[ArmTotals], daily: DailyTotals) -> Omnibus:
    if daily.shape[1] > 1:
        days = daily.statistics(lambda cells: statistics_of(experiment, cells))
        strata = each_field(days, lambda field: field[-1])
        return cochran_mantel_haenszel(strata)
    statistics = statistics_of(experiment, totals)
    return (
        chi_squared(statistics) if isinstance(statistics, Proportion) else welch_anova(statistics)
    )


def _days(rollups: Sequence[Rollup]) -> tuple[DayOfArm, ...]:
    """Return the days in order, all phases of a day together."""
    counts: dict[tuple[date, int], tuple[int, int]] = {}
    for row in rollups:
        visitors, clicks = counts.get((row.day, row.variant.arm), (0, 0))
        counts[row.day, row.variant.arm] = (visitors + row.visitors, clicks + row.clicking_visitors)
    return tuple(
        DayOfArm(day=day, arm=arm, visitors=visitors, clicks=clicks)
        for (day, arm), (visitors, clicks) in sorted(counts.items())
    )
