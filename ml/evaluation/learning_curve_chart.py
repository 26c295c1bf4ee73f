"""Geometry of the learning curve chart, in SVG units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.evaluation.learning_curves import Point

# One for each strategy, in the order in which they are compared; then they repeat.
COLOURS = ("#777777", "#8a6d3b", "#3367a6", "#1a7f5a", "#b3261e", "#6a3d9a", "#c2570c", "#00838f")
# Lines differ without colours, too.
DASHES = ("none", "6 3", "2 2", "8 3 2 3", "4 4", "10 4", "2 4", "12 3 3 3")
WIDTH, HEIGHT, MARGIN = 640, 400, 56
GRID = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A measured accuracy: a dot, and a line for its interval."""

    x: float
    y: float
    low_y: float
    high_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The curve of one strategy, with the place of its name in the legend."""

    name: str
    colour: str
    dash: str
    name_y: int
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveChart:
    """Learning curves of several strategies: accuracy by number of training groups."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    levels: tuple[Tick, ...]
    sizes: tuple[Tick, ...]
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Places of numbers of groups (log scale) and of accuracies."""

    smallest: int
    span: float
    lowest: float
    highest: float

    def x(self, groups: float) -> float:
        share = float(np.log(groups / self.smallest) / self.span)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    def y(self, accuracy: float) -> float:
        share = (accuracy - self.lowest) / (self.highest - self.lowest)
        return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)


def curve_chart(curves: Mapping[str, Sequence[Point]]) -> CurveChart:
    """Return the chart of several strategies, training groups on a log scale.

    Args:
        curves: Points by key of the strategy, at least one point with a value in all.

    Raises:
        ValueError: If no point has a value.

    >>> curve_chart({})
    Traceback (most recent call last):
    ...
    ValueError: curves: there is no point to draw
    """
    points = [point for each in curves.values() for point in _with_value(each)]
    if not points:
        raise ValueError("curves: there is no point to draw")
    sizes = sorted({point.groups for point in points})
    scale = _Scale(
        smallest=sizes[0],
        span=float(np.log(sizes[-1] / sizes[0])) or 1.0,
        lowest=min(point.accuracy.low or 0.0 for point in points) - GRID / 4,
        highest=max(point.accuracy.high or 1.0 for point in points) + GRID / 4,
    )
    first_level = np.ceil(scale.lowest / GRID) * GRID
    levels = np.arange(first_level, scale.highest, GRID).tolist()
    return CurveChart(
        width=WIDTH,
        height=HEIGHT,
        left=MARGIN,
        right=WIDTH - MARGIN,
        bottom=HEIGHT - MARGIN,
        levels=tuple(Tick(at=scale.y(level), label=f"{level:.2f}") for level in levels),
        sizes=tuple(Tick(at=scale.x(size), label=str(size)) for size in sizes),
        curves=tuple(
            Curve(
                name=name,
                colour=COLOURS[number % len(COLOURS)],
                dash=DASHES[number % len(DASHES)],
                name_y=MARGIN + 16 * number,
                points=tuple(_place(point, scale) for point in _with_value(each)),
            )
            for number, (name, each) in enumerate(curves.items())
        ),
    )


def _with_value(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point.accuracy.value is not None]


def _place(point: Point, scale: _Scale) -> CurvePoint:
    return CurvePoint(
        x=scale.x(point.groups),
        y=scale.y(point.accuracy.value or 0.0),
        low_y=scale.y(point.accuracy.low or 0.0),
        high_y=scale.y(point.accuracy.high or 0.0),
    )
