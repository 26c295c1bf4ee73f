"""Geometry of small bars inside tables, in SVG units; the templates draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

BAR_WIDTH = 180.0


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
