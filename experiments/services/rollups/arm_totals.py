"""Sums of one arm's rollups, and the visitors left out of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from experiments.models import Exclusion, GoalRollup, Rollup, Variant
from experiments.models.rollup import GOAL_AMOUNTS, LEFT_OUT_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTotals:
    """The rollups of one arm (in one segment), added up."""

    visitors: int = 0
    clicking_visitors: int = 0
    converting_visitors: int = 0
    value_sum: Decimal = Decimal(0)
    value_sum_squares: Decimal = Decimal(0)
    capped_visitors: int = 0
    click_sum: int = 0
    click_sum_squares: int = 0
    conversion_sum: int = 0
    conversion_sum_squares: int = 0
    value_click_product_sum: Decimal = Decimal(0)
    repeated_orders: int = 0
    covariate_sum: Decimal = Decimal(0)
    covariate_sum_squares: Decimal = Decimal(0)
    covariate_product_sum: Decimal = Decimal(0)
    covariate_click_product_sum: Decimal = Decimal(0)
    quarantined_visitors: int = 0
    bot_visitors: int = 0
    internal_visitors: int = 0
    unexplained_visitors: int = 0
    burst_visitors: int = 0
    late_visitors: int = 0
    prefetched_visitors: int = 0
    impossible_visitors: int = 0

    def plus(self, row: "Rollup | ArmTotals") -> "ArmTotals":
        return ArmTotals(
            **{name: getattr(self, name) + getattr(row, name) for name in self.__slots__}
        )

    @property
    def with_history(self) -> float:
        """Return the effective number of visitors behind the covariate's sums (Kish).

        For a rate this is the number of visitors who had done it before.
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


def left_out_of(totals: Sequence[ArmTotals]) -> tuple[LeftOut, ...]:
    """Return the visitors left out, by reason; omit reasons that apply to nobody."""
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


def totals_of(rollups: "Iterable[Rollup | ArmTotals]") -> ArmTotals:
    """Return the sum of rollups, or of totals."""
    total = ArmTotals()
    for row in rollups:
        total = total.plus(row)
    return total


def with_goal(total: ArmTotals, rows: Iterable[GoalRollup]) -> ArmTotals:
    """Return the visitors of an arm with what they did towards another goal."""
    empty, rows = ArmTotals(), list(rows)
    sums = {
        name: sum((getattr(row, name) for row in rows), getattr(empty, name))
        for name in GOAL_AMOUNTS
    }
    return replace(total, **sums)


def totals_by_phase(
    rollups: Iterable[Rollup], variants: Sequence[Variant]
) -> dict[int, tuple[ArmTotals, ...]]:
    """Return each phase's totals of the arms, in their order; phases without rows are left out."""
    arms = {variant.pk: index for index, variant in enumerate(variants)}
    totals: dict[int, list[ArmTotals]] = {}
    for row in rollups:
        of_arms = totals.setdefault(row.phase, [ArmTotals() for _ in arms])
        index = arms[row.variant_id]
        of_arms[index] = of_arms[index].plus(row)
    return {number: tuple(totals[number]) for number in sorted(totals)}
