"""Specifications of pictures in Vega-Lite: one of each kind, for every width, ground and use.

The data are lists of plain rows; each function documents the fields of its rows. Axes are linear
unless noted otherwise, and fractions are written in per cent. `everyone` names the series of all
pictures of a report, by the order of their colours and dashes, the control's first; some may have
no rows.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from experiments.services.pictures.days import Row, Specification, day_axis, marked_days
from experiments.services.pictures.looks import Look, dash_of

# No lift is below it.
LOWEST_LIFT = -1.0
# Pixels that an axis of numbers takes at most.
LEFT = 76
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


def forest(
    rows: Sequence[Row], *, look: Look, title: str, is_percent: bool = True
) -> Specification:
    """Return intervals beside a line at zero, one below the other.

    Args:
        rows: `name`, on two lines if ` · ` is in it or if it is long; `low`, `value`, `high`,
            each None where it is not known.
        look: Width and colours.
        title: Title of the axis.
        is_percent: The numbers are fractions.
    """
    left, right = _domain([row[end] for row in rows for end in ("low", "value", "high")])
    left = max(left, LOWEST_LIFT) if is_percent else left
    shown = [
        row | {"from": _clip(row["low"], left, right), "to": _clip(row["high"], left, right)}
        for row in rows
    ]
    order = [row["name"] for row in rows]
    y = {"field": "name", "type": "nominal", "sort": order, "axis": _named_axis(order, look)}
    scale = {"domain": [left, right], "nice": False}
    x = {"type": "quantitative", "scale": scale, "axis": _axis(title, is_percent=is_percent)}
    layers: list[Specification] = [
        {
            "mark": {"type": "rule", "strokeDash": [3, 3], "color": look.muted},
            "data": {"values": [{"at": 0}]},
            "encoding": {"x": {"field": "at", **x}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 3, "color": look.accent},
            "transform": [{"filter": "isValid(datum.from) && isValid(datum.to)"}],
            "encoding": {"y": y, "x": {"field": "from", **x}, "x2": {"field": "to"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "color": look.accent},
            "transform": [{"filter": "isValid(datum.value)"}],
            "encoding": {"y": y, "x": {"field": "value", **x}},
        },
    ]
    return _whole(shown, look, height={"step": 30}, layer=layers)


def bands(
    rows: Sequence[Row],
    *,
    look: Look,
    title: str,
    everyone: Sequence[str] = (),
    marks: Sequence[Row] = (),
) -> Specification:
    """Return lifts with their intervals over days, and marked days.

    Args:
        rows: `day` (ISO), `series`; `low`, `value`, `high`, None where not known.
        look: Width and colours.
        title: Title of the axis; the values are fractions.
        everyone: Names of all series.
        marks: `day`, `text` of what happened then.
    """
    # Intervals of the first days are so wide that the later ones would be flat.
    low, high = _domain([row["value"] for row in rows], spread=3.0)
    low = max(low, LOWEST_LIFT)
    shown = [row | {end: _clip(row[end], low, high) for end in ("low", "high")} for row in rows]
    y_scale = {"domain": [low, high], "nice": False}
    y = {"type": "quantitative", "scale": y_scale, "axis": _axis(title, is_percent=True)}
    colour = _by_series(rows, everyone, look.colour_of) | {"legend": _legend_of_lines()}
    layers: list[Specification] = [
        {
            "mark": {"type": "area", "opacity": 0.2, "clip": True},
            "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
            "encoding": {
                "x": day_axis(look),
                "y": {"field": "low", **y},
                "y2": {"field": "high"},
                "color": colour,
            },
        },
        _line_layer({"field": "value", **y}, rows, everyone, look),
        {
            "mark": {"type": "rule", "strokeDash": [3, 3], "color": look.muted},
            "data": {"values": [{"at": 0}]},
            "encoding": {"y": {"field": "at", **y}},
        },
        *marked_days(marks, rows, look),
    ]
    return _whole(shown, look, height=240, layer=layers)


def lines(
    rows: Sequence[Row],
    *,
    look: Look,
    title: str,
    everyone: Sequence[str] = (),
    marks: Sequence[Row] = (),
    level: Row | None = None,
) -> Specification:
    """Return lines over days.

    Args:
        rows: `day` (ISO), `series`, `value`.
        look: Width and colours.
        title: Title of the axis; the values are fractions.
        everyone: Names of all series.
        marks: `day`, `text` of what happened then.
        level: `at`, a fraction that the lines are to reach, with its `text`; the axis then has all
            fractions.
    """
    axis = _axis(title, is_percent=True)
    scale = {"domain": [0, 1]} if level else {"zero": False}
    y = {"type": "quantitative", "scale": scale, "axis": axis}
    layers = [
        _line_layer({"field": "value", **y}, rows, everyone, look),
        *(_level(level, y, look) if level else ()),
        *marked_days(marks, rows, look),
    ]
    return _whole(rows, look, height=220, layer=layers)


def stacked_days(
    rows: Sequence[Row],
    *,
    look: Look,
    title: str,
    everyone: Sequence[str] = (),
    marks: Sequence[Row] = (),
) -> Specification:
    """Return bars over days, the series on top of each other.

    Args:
        rows: `day` (ISO), `series`, `value`.
        look: Width and colours.
        title: Title of the axis; the values are counts.
        everyone: Names of all series.
        marks: `day`, `text` of what happened then.
    """
    y = {"field": "value", "type": "quantitative", "stack": True}
    layer = {
        "mark": {"type": "bar", "stroke": look.muted, "strokeWidth": 0.8},
        "encoding": {
            "x": day_axis(look, days=sorted({row["day"] for row in rows})),
            "y": y | {"axis": _axis(title, is_percent=False)},
            "color": _by_series(rows, everyone, look.fill_of),
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    layers = [layer, *marked_days(marks, rows, look)]
    return _whole(_ordered(rows), look, height=200, layer=layers)


def stacked_shares(
    rows: Sequence[Row], *, look: Look, title: str, everyone: Sequence[str] = ()
) -> Specification:
    """Return shares that sum to 1, as steps over days.

    Args:
        rows: `day` (ISO) from which the share holds, `series`, `value`; the last day is that
            after the end.
        look: Width and colours.
        title: Title of the axis; the values are fractions.
        everyone: Names of all series.
    """
    y = {"field": "value", "type": "quantitative", "stack": "zero", "scale": {"domain": [0, 1]}}
    layer = {
        "mark": {
            "type": "area",
            "interpolate": "step-after",
            "line": {"color": look.muted, "strokeWidth": 0.6},
        },
        "encoding": {
            "x": day_axis(look, is_banded=False, days=sorted({row["day"] for row in rows})[:-1]),
            "y": y | {"axis": _axis(title, is_percent=True)},
            "color": _by_series(rows, everyone, look.fill_of),
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    return _whole(_ordered(rows), look, height=180, layer=[layer])


def densities(
    rows: Sequence[Row], *, look: Look, title: str, everyone: Sequence[str] = ()
) -> Specification:
    """Return densities, each scaled to the same height.

    Args:
        rows: `x`, a fraction; `series`; `value`, the density.
        look: Width and colours.
        title: Title of the axis.
        everyone: Names of all series.
    """
    x = {"field": "x", "type": "quantitative", "scale": {"zero": False, "nice": False}}
    y = {"field": "value", "type": "quantitative", "axis": None}
    layer = _line_layer(y, rows, everyone, look, x=x | {"axis": _axis(title, is_percent=True)})
    return _whole(rows, look, height=180, layer=[layer])


def funnel(
    rows: Sequence[Row], *, look: Look, title: str, everyone: Sequence[str] = ()
) -> Specification:
    """Return bars of each step, one for each series.

    Args:
        rows: `step`, `series`, `value` (fraction of the visitors), `text` beside the bar.
        look: Width and colours.
        title: Title of the axis.
        everyone: Names of all series.
    """
    steps = list(dict.fromkeys(row["step"] for row in rows))
    series = _series(rows)
    axis = _named_axis(steps, look)
    y = {"field": "step", "type": "nominal", "sort": steps, "axis": axis}
    offset = {"field": "series", "type": "nominal", "sort": series}
    fill = _by_series(rows, everyone, look.fill_of)
    x = {"field": "value", "type": "quantitative", "axis": _axis(title, is_percent=True)}
    bar = {
        "mark": {"type": "bar", "stroke": look.muted, "strokeWidth": 0.8},
        "encoding": {"y": y, "yOffset": offset, "x": x, "color": fill},
    }
    text = {
        "mark": {"type": "text", "align": "left", "dx": 4},
        "encoding": {"y": y, "yOffset": offset, "x": x, "text": {"field": "text"}},
    }
    height = {"step": max(14, 20 - len(series)), "for": "offset"}
    return _whole(rows, look, height=height, layer=[bar, text], left=axis["minExtent"] + 12)


Draw = Callable[..., Specification]
KINDS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (forest, bands, lines, stacked_days, stacked_shares, densities, funnel)
}


def _whole(
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


def _level(level: Row, y: Specification, look: Look) -> list[Specification]:
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


def _line_layer(
    y: Specification,
    rows: Sequence[Row],
    everyone: Sequence[str],
    look: Look,
    *,
    x: Specification | None = None,
) -> Specification:
    legend = {"legend": _legend_of_lines()}
    return {
        "mark": {"type": "line", "strokeWidth": 2, "clip": True},
        "transform": [{"filter": "isValid(datum.value)"}],
        "encoding": {
            "x": x or day_axis(look),
            "y": y,
            "color": _by_series(rows, everyone, look.colour_of) | legend,
            "strokeDash": _by_series(rows, everyone, dash_of) | legend,
        },
    }


def _legend_of_lines() -> Specification:
    """Return a legend of lines long enough for a dash to be told, opaque also for bands."""
    symbol = {"symbolType": "M-3,0L3,0", "symbolOffset": 9, "labelOffset": 19}
    return symbol | {"symbolOpacity": 1}


def _named_axis(names: Sequence[str], look: Look) -> Specification:
    """Return an axis of names, each on one line or on two."""
    lines_of = {name: look.lines_of(name) for name in names}
    room = look.room_for(line for lines in lines_of.values() for line in lines)
    # The label is looked up: a name, whatever is in it, is text and never part of an expression.
    return {
        "title": None,
        "labelExpr": f"({json.dumps(lines_of)})[datum.label]",
        "minExtent": room,
    }


def _axis(title: str, *, is_percent: bool) -> Specification:
    axis: Specification = {"title": title or None, "tickCount": 5}
    return axis | {"format": ".2~%"} if is_percent else axis


def _by_series(
    rows: Sequence[Row], everyone: Sequence[str], value_of: Callable[[int], Any]
) -> Specification:
    """Return what tells the series of these rows apart: a series has its own in every picture."""
    shown = _series(rows)
    order = list(dict.fromkeys([*everyone, *shown]))
    its_own = {name: value_of(index) for index, name in enumerate(order)}
    scale = {"domain": shown, "range": [its_own[name] for name in shown]}
    return {"field": "series", "type": "nominal", "scale": scale, "title": None}


def _series(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["series"] for row in rows))


def _ordered(rows: Sequence[Row]) -> list[Row]:
    order = {name: index for index, name in enumerate(_series(rows))}
    return [row | {"order": order[row["series"]]} for row in rows]


def _domain(values: Sequence[float | None], *, spread: float = 1.15) -> tuple[float, float]:
    """Return the ends of an axis that holds zero and the finite values, with air around them.

    >>> _domain([None, -0.1, 0.3], spread=1.0)
    (-0.1, 0.3)
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    if low == high:
        return -0.1, 0.1
    air = (high - low) * (spread - 1) / 2
    return low - air, high + air


def _clip(value: float | None, low: float, high: float) -> float | None:
    """Return the value within the axis; an open end is the end of the axis."""
    return None if value is None or math.isnan(value) else min(max(value, low), high)
