"""Learning curves as a drawing (SVG)."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

from ml.evaluation.learning_curves import Point

# One for each strategy, in the order in which they are compared; then they repeat.
COLOURS = ("#777777", "#8a6d3b", "#3367a6", "#1a7f5a", "#b3261e", "#6a3d9a", "#c2570c", "#00838f")
WIDTH, HEIGHT, MARGIN = 640, 400, 56
GRID = 0.02

_Place = Callable[[float], float]


def draw_curves(curves: Mapping[str, Sequence[Point]]) -> str:
    """Return the curves of several strategies as one SVG, training groups on a log scale.

    Args:
        curves: Points by key of the strategy, at least one point with a value in all.

    Raises:
        ValueError: If no point has a value.

    >>> draw_curves({})
    Traceback (most recent call last):
    ...
    ValueError: curves: there is no point to draw
    """
    points = [point for each in curves.values() for point in _drawn(each)]
    if not points:
        raise ValueError("curves: there is no point to draw")
    sizes = sorted({point.groups for point in points})
    bottom = min(point.accuracy.low or 0.0 for point in points) - GRID / 4
    top = max(point.accuracy.high or 1.0 for point in points) + GRID / 4
    span = np.log(sizes[-1] / sizes[0]) or 1.0

    def x(groups: float) -> float:
        share = float(np.log(groups / sizes[0]) / span)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    def y(accuracy: float) -> float:
        share = (accuracy - bottom) / (top - bottom)
        return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        "<title>Accuracy on all pairs by number of past contrast groups</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_axes(sizes, np.arange(np.ceil(bottom / GRID) * GRID, top, GRID).tolist(), x, y),
    ]
    for number, (name, each) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts += _line(_drawn(each), colour, x, y)
        parts.append(
            f'<text x="{MARGIN + 12}" y="{MARGIN + 16 * number}" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point.accuracy.value is not None]


def _axes(sizes: Sequence[int], levels: Sequence[float], x: _Place, y: _Place) -> list[str]:
    lines = [
        f'<path d="M{MARGIN} {y(level)}H{WIDTH - MARGIN}" stroke="#ddd"/>'
        f'<text x="{MARGIN - 6}" y="{y(level) + 4}" text-anchor="end">{level:.2f}</text>'
        for level in levels
    ]
    ticks = [
        f'<text x="{x(size)}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{size}</text>'
        for size in sizes
    ]
    caption = "contrast groups to learn from (log scale)"
    return [
        *lines,
        *ticks,
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">{caption}</text>',
    ]


def _line(points: Sequence[Point], colour: str, x: _Place, y: _Place) -> list[str]:
    line = " ".join(f"{x(point.groups)},{y(point.accuracy.value or 0.0)}" for point in points)
    bars = [
        f'<path d="M{x(point.groups)} {y(point.accuracy.low or 0.0)}'
        f'V{y(point.accuracy.high or 0.0)}" stroke="{colour}" stroke-opacity="0.5"/>'
        f'<circle cx="{x(point.groups)}" cy="{y(point.accuracy.value or 0.0)}" r="3" '
        f'fill="{colour}"/>'
        for point in points
    ]
    return [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>', *bars]
