"""Specifications of a predictor's pictures: accuracy by coverage, reliability, learning curves."""

from collections.abc import Sequence

from experiments.services.pictures.days import Row, Specification
from experiments.services.pictures.looks import Look
from experiments.services.pictures.parts import (
    by_series,
    legend_on_lines,
    line_layer,
    number_axis,
    whole,
)

# Of two wordings one is better: a coin names it in half of the pairs.
COIN = 0.5


def coverage(rows: Sequence[Row], *, look: Look, title: str, y_title: str = "") -> Specification:
    """Return the accuracy on the pairs that are answered, with its intervals.

    Args:
        rows: `x`, the part that is answered; `low`, `value`, `high`, the accuracy; all fractions.
        look: Width and colours.
        title: Title of the axis of parts.
        y_title: Title of the axis of accuracies.
    """
    lowest = min([COIN, *(row["low"] for row in rows)])
    scale = {"domain": [lowest, 1], "nice": True}
    y = {"type": "quantitative", "scale": scale, "axis": number_axis(y_title, is_percent=True)}
    axis = number_axis(title, is_percent=True)
    x = {"field": "x", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": axis}
    layers: list[Specification] = [
        {
            "mark": {"type": "area", "opacity": 0.25, "color": look.accent},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "strokeWidth": 2, "color": look.accent, "point": True},
            "encoding": {"x": x, "y": {"field": "value", **y}},
        },
        _coin(y, look),
    ]
    return whole(rows, look, height=220, layer=layers)


def reliability(rows: Sequence[Row], *, look: Look, title: str, y_title: str = "") -> Specification:
    """Return how often what was called likely came true, beside the line on which both are equal.

    Args:
        rows: `low`, `high`, the ends of a group of chances; `won`, the part that came true; all
            fractions.
        look: Width and colours.
        title: Title of the axis of chances.
        y_title: Title of the axis of parts.
    """
    lowest = min([COIN, *(row["won"] for row in rows)])
    scale = {"domain": [lowest, 1], "nice": True}
    y = {"type": "quantitative", "scale": scale, "axis": number_axis(y_title, is_percent=True)}
    axis = number_axis(title, is_percent=True)
    x = {"type": "quantitative", "scale": {"domain": [COIN, 1]}, "axis": axis}
    mark = {"color": look.accent}
    layers: list[Specification] = [
        {
            "data": {"values": [{"at": COIN}, {"at": 1}]},
            "mark": {"type": "line", "strokeDash": [3, 3], "color": look.muted},
            "encoding": {"x": {"field": "at", **x}, "y": {"field": "at", **y}},
        },
        {
            "mark": mark | {"type": "rule", "strokeWidth": 4, "strokeCap": "round"},
            "encoding": {
                "x": {"field": "low", **x},
                "x2": {"field": "high"},
                "y": {"field": "won", **y},
            },
        },
    ]
    return whole(rows, look, height=240, layer=layers)


def curves(
    rows: Sequence[Row], *, look: Look, title: str, y_title: str = "", everyone: Sequence[str] = ()
) -> Specification:
    """Return accuracies by the number of past tests, on a log scale, with their intervals.

    Args:
        rows: `x`, past tests; `series`; `low`, `value`, `high`, fractions.
        look: Width and colours.
        title: Title of the axis of past tests.
        y_title: Title of the axis of accuracies.
        everyone: Names of all series.
    """
    axis = number_axis(y_title, is_percent=True)
    y = {"type": "quantitative", "scale": {"zero": False}, "axis": axis}
    sizes = sorted({row["x"] for row in rows})
    x_axis = number_axis(title, is_percent=False) | {"values": sizes, "labelOverlap": True}
    scale = {"type": "log", "nice": False}
    x = {"field": "x", "type": "quantitative", "scale": scale, "axis": x_axis}
    legend = legend_on_lines(rows, look)
    colour = by_series(rows, everyone, look.colour_of) | {"legend": legend}
    layers: list[Specification] = [
        {
            "mark": {"type": "rule", "opacity": 0.5},
            "encoding": {
                "x": x,
                "y": {"field": "low", **y},
                "y2": {"field": "high"},
                "color": colour,
            },
        },
        line_layer({"field": "value", **y}, rows, everyone, look, x=x, legend=legend),
        {
            "mark": {"type": "point", "filled": True, "size": 30, "opacity": 1},
            "encoding": {"x": x, "y": {"field": "value", **y}, "color": colour},
        },
    ]
    return whole(rows, look, height=280, layer=layers)


def _coin(y: Specification, look: Look) -> Specification:
    return {
        "data": {"values": [{"at": COIN}]},
        "mark": {"type": "rule", "strokeDash": [3, 3], "color": look.muted},
        "encoding": {"y": {"field": "at", **y}},
    }
