"""Parts that specifications of pictures share: axes, legends, lines, and the whole around them."""

import json
import math
from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import Any

from experiments.services.pictures.days import Row, Specification, day_axis
from experiments.services.pictures.looks import AIR, LETTER, SYMBOL, Look, dash_of

# Pixels that an axis of numbers takes at most.
LEFT = 76
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


def whole(
    rows: Sequence[Row],
    look: Look,
    *,
    height: int | dict[str, Any],
    layer: list[Specification],
    left: int = LEFT,
) -> Specification:
    config = look.config()
    names = [row["series"] for row in rows if "series" in row]
    config["legend"] |= look.legend_of(names, left=left)
    return {
        "$schema": SCHEMA,
        "config": config,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 4, "right": 14, "top": 8, "bottom": 4},
        "width": look.width,
        "height": height,
        "data": {"values": list(rows)},
        "layer": layer,
    }


def grouped_bars(
    rows: Sequence[Row], everyone: Sequence[str], look: Look, axis: Specification
) -> Specification:
    """Return bars of each step, one for each series, with a text beside each.

    Args:
        rows: `step`, `series`, `value`, `text`.
        everyone: Names of all series.
        look: Width and colours.
        axis: Axis of the values.
    """
    steps = list(dict.fromkeys(row["step"] for row in rows))
    series = series_of(rows)
    names = named_axis(steps, look)
    y = {"field": "step", "type": "nominal", "sort": steps, "axis": names}
    offset = {"field": "series", "type": "nominal", "sort": series}
    fill = by_series(rows, everyone, look.fill_of)
    x = {"field": "value", "type": "quantitative", "axis": axis}
    bar = {
        "mark": {"type": "bar", "stroke": look.muted, "strokeWidth": 0.8},
        "encoding": {"y": y, "yOffset": offset, "x": x, "color": fill},
    }
    text = {
        "mark": {"type": "text", "align": "left", "dx": 4},
        "encoding": {"y": y, "yOffset": offset, "x": x, "text": {"field": "text"}},
    }
    height = {"step": max(14, 20 - len(series)), "for": "offset"}
    return whole(rows, look, height=height, layer=[bar, text], left=names["minExtent"] + 12)


def level_layers(level: Row, y: Specification, look: Look) -> list[Specification]:
    """Return a line across, with its text below its left end."""
    at = {"field": "at", **y}
    text = {"type": "text", "align": "left", "baseline": "top", "x": 4, "dy": 4}
    return [
        {
            "data": {"values": [level]},
            "mark": {"type": "rule", "strokeDash": [3, 3], "color": look.muted},
            "encoding": {"y": at},
        },
        {
            "data": {"values": [level]},
            "mark": text,
            "encoding": {"y": at, "text": {"field": "text"}},
        },
    ]


def line_layer(
    y: Specification,
    rows: Sequence[Row],
    everyone: Sequence[str],
    look: Look,
    *,
    x: Specification | None = None,
    legend: Specification | None = None,
) -> Specification:
    """Return lines, each with the colour and dash of its series; none where a value is missing."""
    told_apart = {"legend": legend or legend_of_lines()}
    return {
        "mark": {"type": "line", "strokeWidth": 2, "clip": True},
        "transform": [{"filter": "isValid(datum.value)"}],
        "encoding": {
            "x": x or day_axis(look),
            "y": y,
            "color": by_series(rows, everyone, look.colour_of) | told_apart,
            "strokeDash": by_series(rows, everyone, dash_of) | told_apart,
        },
    }


def legend_of_lines() -> Specification:
    """Return a legend of lines long enough for a dash to be told, opaque also for bands."""
    symbol = {"symbolType": "M-3,0L3,0", "symbolOffset": 9, "labelOffset": 19}
    return symbol | {"symbolOpacity": 1}


def legend_on_lines(rows: Sequence[Row], look: Look) -> Specification:
    """Return a legend of lines whose names are whole, on as many lines of text as they need."""
    letters = int((look.width - LEFT - AIR - SYMBOL) / (LETTER * look.text_size))
    lines_of = {name: wrap(name, letters) or [name] for name in series_of(rows)}
    # Looked up, as on an axis: a name is never part of an expression.
    return legend_of_lines() | {"labelExpr": f"({json.dumps(lines_of)})[datum.label]"}


def named_axis(names: Sequence[str], look: Look) -> Specification:
    """Return an axis of names, each on one line or on two."""
    lines_of = {name: look.lines_of(name) for name in names}
    room = look.room_for(line for lines in lines_of.values() for line in lines)
    # The label is looked up: a name, whatever is in it, is text and never part of an expression.
    return {
        "title": None,
        "labelExpr": f"({json.dumps(lines_of)})[datum.label]",
        "minExtent": room,
    }


def number_axis(title: str, *, is_percent: bool) -> Specification:
    axis: Specification = {"title": title or None, "tickCount": 5}
    return axis | {"format": ".2~%"} if is_percent else axis


def by_series(
    rows: Sequence[Row], everyone: Sequence[str], value_of: Callable[[int], Any]
) -> Specification:
    """Return what tells the series of these rows apart: a series has its own in every picture."""
    shown = series_of(rows)
    order = list(dict.fromkeys([*everyone, *shown]))
    its_own = {name: value_of(index) for index, name in enumerate(order)}
    scale = {"domain": shown, "range": [its_own[name] for name in shown]}
    return {"field": "series", "type": "nominal", "scale": scale, "title": None}


def series_of(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["series"] for row in rows))


def with_order(rows: Sequence[Row]) -> list[Row]:
    order = {name: index for index, name in enumerate(series_of(rows))}
    return [row | {"order": order[row["series"]]} for row in rows]


def domain_of(values: Sequence[float | None], *, spread: float = 1.15) -> tuple[float, float]:
    """Return the ends of an axis that holds zero and the finite values, with air around them.

    >>> domain_of([None, -0.1, 0.3], spread=1.0)
    (-0.1, 0.3)
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    if low == high:
        return -0.1, 0.1
    air = (high - low) * (spread - 1) / 2
    return low - air, high + air


def clipped(value: float | None, low: float, high: float) -> float | None:
    """Return the value within the axis; an open end is the end of the axis."""
    return None if value is None or math.isnan(value) else min(max(value, low), high)
