"""Places of small bars inside tables, in per cent of their width; the style sheet draws them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Per cent of the width from the middle to the end of the scale: there is room for the dot beyond.
REACH = 46.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectBar:
    """An effect beside a line at zero, in the middle: a dot for it, a line for its interval.

    `smallest` and `largest` are the effects at the ends of the scale; `low`, `at` and `high` are
    per cent of the width from its left end.
    """

    smallest: float
    largest: float
    low: float
    at: float
    high: float


def effect_bars(ends: Sequence[tuple[float, float, float]]) -> list[EffectBar]:
    """Return one bar for each (low, effect, high), all to one scale, zero in the middle."""
    largest = _round_up(max((max(abs(low), abs(high)) for low, _, high in ends), default=0.0))

    def place(value: float) -> float:
        return round(50 + REACH * value / largest, 2)

    return [
        EffectBar(
            smallest=-largest, largest=largest, low=place(low), at=place(value), high=place(high)
        )
        for low, value, high in ends
    ]


def _round_up(value: float) -> float:
    """Return the end of a scale that people read, of one digit.

    >>> [_round_up(value) for value in (0.0, 0.02, 0.243, 0.3002, 0.41, 0.8, 7.1)]
    [1.0, 0.02, 0.3, 0.4, 0.5, 0.8, 8.0]
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    # 0.3 divided by 0.1 is 2.9999999999999996, and 0.7 by it 6.999999999999999.
    return round(math.ceil(round(value / power, 9)) * power, 12)
