"""Geometry of the report's charts, in SVG units; the templates draw them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.services.analysis.report import ArmResult

WIDTH, ROW_HEIGHT, LEFT, RIGHT = 760.0, 38.0, 190.0, 96.0

# Of a small chart inside a table, in SVG units.
BAR_WIDTH = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """One arm: a dot for its rate, a line for its interval."""

    arm: ArmResult
    y: float
    x: float
    low_x: float
    high_x: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalChart:
    width: float
    height: float
    left: float
    value_x: float
    rows: tuple[IntervalRow, ...]
    ticks: tuple[Tick, ...]


def interval_chart(arms: Sequence[ArmResult]) -> IntervalChart | None:
    """Return the chart of the arms that have an interval; None if none has."""
    figures = [(arm, arm.rate, arm.interval) for arm in arms]
    measured = [
        (arm, rate, ends) for arm, rate, ends in figures if ends is not None and rate is not None
    ]
    if not measured:
        return None
    step = _nice_step(max(ends[1] for _, _, ends in measured))
    n_steps = max(math.ceil(max(ends[1] for _, _, ends in measured) / step), 1)
    scale = (WIDTH - LEFT - RIGHT) / (step * n_steps)
    rows = tuple(
        IntervalRow(
            arm=arm,
            y=ROW_HEIGHT * (index + 0.5),
            x=LEFT + rate * scale,
            low_x=LEFT + ends[0] * scale,
            high_x=LEFT + ends[1] * scale,
        )
        for index, (arm, rate, ends) in enumerate(measured)
    )
    ticks = tuple(
        Tick(x=LEFT + index * step * scale, value=index * step) for index in range(n_steps + 1)
    )
    height = ROW_HEIGHT * len(rows) + 26
    return IntervalChart(
        width=WIDTH,
        height=height,
        left=LEFT,
        value_x=WIDTH - RIGHT + 12,
        rows=rows,
        ticks=ticks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectBar:
    """An effect beside a line at zero: a dot for it, a line for its interval."""

    zero_x: float
    x: float
    low_x: float
    high_x: float


def effect_bars(ends: Sequence[tuple[float, float, float]]) -> list[EffectBar]:
    """Return one bar for each (low, effect, high), all to one scale, zero in the middle."""
    largest = max((max(abs(low), abs(high)) for low, _, high in ends), default=0.0) or 1.0
    middle = BAR_WIDTH / 2

    def place(value: float) -> float:
        return round(middle + value / largest * (middle - 8), 2)

    return [
        EffectBar(zero_x=middle, x=place(value), low_x=place(low), high_x=place(high))
        for low, value, high in ends
    ]


def _nice_step(largest: float) -> float:
    """Return a round step that cuts 0 to `largest` into about five.

    >>> _nice_step(0.023)
    0.005
    """
    if largest <= 0:
        return 0.01
    rough = largest / 5
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if rough <= power * factor * 1.000001)
