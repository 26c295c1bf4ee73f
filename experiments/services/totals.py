"""An arm's rollups added up, and the sufficient statistics they make."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from experiments.models import Exclusion, Experiment, Rollup
from experiments.stats.outcomes import Policy
from experiments.stats.sufficient import Mean, Proportion, SufficientStatistics, stack_arms

Metric = Experiment.Metric
POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTotals:
    """The rollups of one arm (in one segment), added up."""

    visitors: int = 0
    clicking_visitors: int = 0
    converting_visitors: int = 0
    value_sum: Decimal = Decimal(0)
    value_sum_squares: Decimal = Decimal(0)
    covariate_sum: Decimal = Decimal(0)
    covariate_sum_squares: Decimal = Decimal(0)
    covariate_product_sum: Decimal = Decimal(0)
    quarantined_visitors: int = 0
    bot_visitors: int = 0
    internal_visitors: int = 0
    prefetched_visitors: int = 0
    impossible_visitors: int = 0

    def plus(self, row: Rollup) -> "ArmTotals":
        return ArmTotals(
            **{name: getattr(self, name) + getattr(row, name) for name in self.__slots__}
        )

    @property
    def with_history(self) -> float:
        """Return how many equal visitors the covariate's sums are worth (Kish's number).

        Of a rate it is the number of visitors who had done it before.
        """
        if not self.covariate_sum_squares:
            return 0.0
        return float(self.covariate_sum**2 / self.covariate_sum_squares)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Visitors left out of the analysis for one reason; `share` is of all visitors."""

    reason: Exclusion
    visitors: int
    share: float


# Where rollups count those who are left out.
LEFT_OUT_COLUMNS = {
    Exclusion.BOT: "bot_visitors",
    Exclusion.INTERNAL: "internal_visitors",
    Exclusion.SEVERAL_ARMS: "quarantined_visitors",
    Exclusion.PREFETCH: "prefetched_visitors",
    Exclusion.IMPOSSIBLE: "impossible_visitors",
}


def left_out_of(totals: Sequence[ArmTotals]) -> tuple[LeftOut, ...]:
    """Return how many are left out, by the reason; reasons that apply to nobody are not named."""
    counts = {
        reason: sum(getattr(total, name) for total in totals)
        for reason, name in LEFT_OUT_COLUMNS.items()
    }
    everybody = sum(total.visitors for total in totals) + sum(counts.values())
    return tuple(
        LeftOut(reason=reason, visitors=count, share=count / everybody)
        for reason, count in counts.items()
        if count
    )


def totals_of(rollups: Iterable[Rollup]) -> ArmTotals:
    total = ArmTotals()
    for row in rollups:
        total = total.plus(row)
    return total


def statistics_of(experiment: Experiment, totals: Sequence[ArmTotals]) -> SufficientStatistics:
    """Return the sufficient statistics of the primary metric, control first."""
    return statistics_of_metric(Metric(experiment.primary_metric), totals)


def statistics_of_metric(metric: Metric, totals: Sequence[ArmTotals]) -> SufficientStatistics:
    """Return the sufficient statistics of a metric, control first."""
    return stack_arms([_statistics_of_arm(metric, total) for total in totals])


def adjusted_statistics_of(
    experiment: Experiment, totals: Sequence[ArmTotals]
) -> SufficientStatistics:
    """Return them with what was known before as their covariate (CUPED)."""
    arms = [
        replace(
            _statistics_of_arm(Metric(experiment.primary_metric), total),
            covariate_sum=float(total.covariate_sum),
            covariate_sum_squares=float(total.covariate_sum_squares),
            covariate_product_sum=float(total.covariate_product_sum),
        )
        for total in totals
    ]
    return stack_arms(arms)


def successes_of(experiment: Experiment, total: ArmTotals) -> int | None:
    """Return the visitors who did what the metric counts; None for a metric of values."""
    return _successes(Metric(experiment.primary_metric), total)


def _successes(metric: Metric, total: ArmTotals) -> int | None:
    return {
        Metric.CLICK_RATE: total.clicking_visitors,
        Metric.CONVERSION_RATE: total.converting_visitors,
    }.get(metric)


def is_enough(metric: Metric, total: ArmTotals) -> bool:
    """Return whether the arm reaches the floors below which no decision is made either."""
    successes = _successes(metric, total)
    few = successes is not None and successes < POLICY.minimum_conversions
    return total.visitors >= POLICY.minimum_visitors and not few


def _statistics_of_arm(metric: Metric, total: ArmTotals) -> SufficientStatistics:
    successes = _successes(metric, total)
    if successes is not None:
        return Proportion(n=total.visitors, sum=successes)
    return Mean(
        n=total.visitors,
        sum=float(total.value_sum),
        sum_squares=float(total.value_sum_squares),
    )
