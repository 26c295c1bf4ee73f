"""Sums of one arm's rollups, and the visitors left out of them."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeVar

from experiments.models import Exclusion, GoalRollup, Rollup, Variant
from experiments.models.rollup import GOAL_AMOUNTS, LEFT_OUT_COLUMNS

Key = TypeVar("Key", bound=Hashable)
Totals = TypeVar("Totals", bound="Outcomes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Sums of every metric over the visitors of one arm (in one segment)."""

    visitors: int = 0
    clicking_visitors: int = 0
    converting_visitors: int = 0
    value_sum: Decimal = Decimal(0)
    value_sum_squares: Decimal = Decimal(0)
    click_sum: int = 0
    click_sum_squares: int = 0
    conversion_sum: int = 0
    conversion_sum_squares: int = 0
    value_click_product_sum: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTotals(Outcomes):
    """The rollups of one arm, added up, with the past of its visitors and those left out."""

    capped_visitors: int = 0
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


def totals_of(rollups: Iterable[Rollup | ArmTotals]) -> ArmTotals:
    """Return the sum of rollups, or of totals."""
    return _sum(ArmTotals, rollups)


def outcomes_of(rows: Iterable[Rollup | Outcomes]) -> Outcomes:
    """Return the sum of what visitors did."""
    return _sum(Outcomes, rows)


def totals_by(rollups: Iterable[Rollup], key: Callable[[Rollup], Key]) -> dict[Key, ArmTotals]:
    """Return the sum of the rollups of each key, in the order of their first ones."""
    return {name: totals_of(rows) for name, rows in _grouped(rollups, key).items()}


def outcomes_by(rollups: Iterable[Rollup], key: Callable[[Rollup], Key]) -> dict[Key, Outcomes]:
    """Return what the visitors of each key did, in the order of their first rollups."""
    return {name: outcomes_of(rows) for name, rows in _grouped(rollups, key).items()}


def _grouped(rollups: Iterable[Rollup], key: Callable[[Rollup], Key]) -> dict[Key, list[Rollup]]:
    groups: dict[Key, list[Rollup]] = {}
    for row in rollups:
        groups.setdefault(key(row), []).append(row)
    return groups


def _sum(kind: type[Totals], rows: Iterable[Any]) -> Totals:
    """Return the sums of the fields of one kind of totals, a column at a time: that is fast."""
    parts = list(rows)
    if len(parts) == 1 and type(parts[0]) is kind:
        return parts[0]
    names = tuple(kind.__dataclass_fields__)
    values = list(map(attrgetter(*names), parts))
    if not values:
        return kind()
    sums = values[0] if len(values) == 1 else map(sum, zip(*values, strict=True))
    return kind(**dict(zip(names, sums, strict=True)))


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
    totals = totals_by(rollups, lambda row: (row.phase, row.variant_id))
    return {
        number: tuple(totals.get((number, variant.pk), ArmTotals()) for variant in variants)
        for number in sorted({phase for phase, _ in totals})
    }
