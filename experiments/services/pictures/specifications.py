"""Specifications of pictures in Vega-Lite: one of each kind, for every width, ground and use.

The data are lists of plain rows; each function documents the fields of its rows. Axes are linear
unless noted otherwise, and fractions are written in per cent. `everyone` names the series of all
pictures of a report, by the order of their colours and dashes, the control's first; some may have
no rows.
"""

from collections.abc import Callable, Sequence

from experiments.services.pictures.archive_specifications import calendar, tallies
from experiments.services.pictures.days import (
    Row,
    Specification,
    day_axis,
    marked_days,
    room_of_marks,
)
from experiments.services.pictures.looks import Look
from experiments.services.pictures.parts import (
    by_series,
    clipped,
    domain_of,
    grouped_bars,
    legend_of_lines,
    level_layers,
    line_layer,
    named_axis,
    number_axis,
    whole,
    with_order,
)
from experiments.services.pictures.predictor_specifications import coverage, curves, reliability

# No lift is below it.
LOWEST_LIFT = -1.0
# Pixels of the highest bar over days.
BARS = 200


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
    left, right = domain_of([row[end] for row in rows for end in ("low", "value", "high")])
    left = max(left, LOWEST_LIFT) if is_percent else left
    shown = [
        row | {"from": clipped(row["low"], left, right), "to": clipped(row["high"], left, right)}
        for row in rows
    ]
    order = [row["name"] for row in rows]
    y = {"field": "name", "type": "nominal", "sort": order, "axis": named_axis(order, look)}
    scale = {"domain": [left, right], "nice": False}
    x = {"type": "quantitative", "scale": scale, "axis": number_axis(title, is_percent=is_percent)}
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
    return whole(shown, look, height={"step": 30}, layer=layers)


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
    low, high = domain_of([row["value"] for row in rows], spread=3.0)
    low = max(low, LOWEST_LIFT)
    shown = [row | {end: clipped(row[end], low, high) for end in ("low", "high")} for row in rows]
    y_scale = {"domain": [low, high], "nice": False}
    y = {"type": "quantitative", "scale": y_scale, "axis": number_axis(title, is_percent=True)}
    colour = by_series(rows, everyone, look.colour_of) | {"legend": legend_of_lines()}
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
        line_layer({"field": "value", **y}, rows, everyone, look),
        {
            "mark": {"type": "rule", "strokeDash": [3, 3], "color": look.muted},
            "data": {"values": [{"at": 0}]},
            "encoding": {"y": {"field": "at", **y}},
        },
        *marked_days(marks, rows, look),
    ]
    return whole(shown, look, height=240, layer=layers)


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
    axis = number_axis(title, is_percent=True)
    scale = {"domain": [0, 1]} if level else {"zero": False}
    y = {"type": "quantitative", "scale": scale, "axis": axis}
    layers = [
        line_layer({"field": "value", **y}, rows, everyone, look),
        *(level_layers(level, y, look) if level else ()),
        *marked_days(marks, rows, look),
    ]
    return whole(rows, look, height=220, layer=layers)


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
    if marks:
        # Texts are above the bars, not on them.
        room = min(room_of_marks(marks, rows, look), BARS // 2)
        top = max(_totals(rows), default=0)
        y |= {"scale": {"domainMax": top * BARS / (BARS - room), "nice": False}}
    layer = {
        "mark": {"type": "bar", "stroke": look.muted, "strokeWidth": 0.8},
        "encoding": {
            "x": day_axis(look, days=sorted({row["day"] for row in rows})),
            "y": y | {"axis": number_axis(title, is_percent=False)},
            "color": by_series(rows, everyone, look.fill_of),
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    layers = [layer, *marked_days(marks, rows, look)]
    return whole(with_order(rows), look, height=BARS, layer=layers)


def _totals(rows: Sequence[Row]) -> list[float]:
    """Return the height of each day's bar."""
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["day"]] = totals.get(row["day"], 0) + row["value"]
    return list(totals.values())


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
            "y": y | {"axis": number_axis(title, is_percent=True)},
            "color": by_series(rows, everyone, look.fill_of),
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    return whole(with_order(rows), look, height=180, layer=[layer])


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
    layer = line_layer(y, rows, everyone, look, x=x | {"axis": number_axis(title, is_percent=True)})
    return whole(rows, look, height=180, layer=[layer])


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
    return grouped_bars(rows, everyone, look, number_axis(title, is_percent=True))


Draw = Callable[..., Specification]
# Stored with frozen reports, by the names of functions and of their arguments; never rename.
KINDS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        forest, bands, lines, stacked_days, stacked_shares, densities, funnel,
        calendar, tallies, coverage, reliability, curves,
    )
}  # fmt: skip
