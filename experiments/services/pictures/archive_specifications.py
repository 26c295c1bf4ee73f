"""Specifications of pictures across experiments: the calendar of tests, and tallies of lifts."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.services.pictures.days import Row, Specification
from experiments.services.pictures.looks import Look
from experiments.services.pictures.parts import (
    by_series,
    grouped_bars,
    named_axis,
    number_axis,
    whole,
)

# Pixels of a test in the calendar.
LINE = 30


def calendar(
    rows: Sequence[Row], *, look: Look, title: str, span: Mapping[str, Any] | None = None
) -> Specification:
    """Return bars from day to day, one line a test, days that others share outlined.

    Args:
        rows: `name`; `from` and `to`, days (ISO), the second one after the last; `series`, the
            kind of the bar; `shared` is true of days on which visitors are shared.
        look: Width and colours.
        title: Title of the axis of days.
        span: `first` and `end`, days between which the calendar is drawn, and `today` with its
            `text`, None where it is not between them; `kinds`, all names of kinds by the order of
            their colours.
    """
    given = span or {}
    tests = [row for row in rows if not row.get("shared")]
    names = list(dict.fromkeys(row["name"] for row in tests))
    axis = named_axis(names, look)
    y = {"field": "name", "type": "nominal", "sort": names, "axis": axis}
    x = _months(given, look, title=title)
    fill = by_series(tests, given.get("kinds", ()), look.fill_of)
    layers: list[Specification] = [
        {
            "data": {"values": tests},
            "mark": {"type": "bar", "height": 12, "stroke": look.muted, "clip": True},
            "encoding": {
                "y": y,
                "x": {"field": "from", **x},
                "x2": {"field": "to"},
                "color": fill,
            },
        },
        *_shared_days([row for row in rows if row.get("shared")], y, x, look),
        *_today(given.get("today"), x, look),
    ]
    drawn = whole(rows, look, height={"step": LINE}, layer=layers, left=axis["minExtent"] + 12)
    return drawn | {"data": {"values": []}}


def tallies(
    rows: Sequence[Row], *, look: Look, title: str, everyone: Sequence[str] = ()
) -> Specification:
    """Return counts of each step, a bar for each series.

    Args:
        rows: `step`, `series`, `value`, a count; `text` beside the bar.
        look: Width and colours.
        title: Title of the axis.
        everyone: Names of all series.
    """
    axis = number_axis(title, is_percent=False) | {"format": "d", "tickMinStep": 1}
    return grouped_bars(rows, everyone, look, axis)


def _months(span: Mapping[str, Any], look: Look, *, title: str) -> Specification:
    axis: Specification = {"format": "%b %Y", "grid": True, "labelOverlap": True}
    axis |= {"title": title or None, "tickCount": "month", "labelAlign": "left"}
    if look.is_narrow:
        axis["format"] = "%b"
    scale: Specification = {"type": "utc", "nice": False}
    if span:
        scale["domain"] = [_utc(span["first"]), _utc(span["end"])]
    return {"type": "temporal", "scale": scale, "axis": axis}


def _utc(day: str) -> Specification:
    year, month, number = map(int, day.split("-"))
    return {"year": year, "month": month, "date": number, "utc": True}


def _shared_days(
    shared: Sequence[Row], y: Specification, x: Specification, look: Look
) -> list[Specification]:
    if not shared:
        return []
    mark = {"type": "bar", "height": 18, "fillOpacity": 0, "strokeWidth": 3, "clip": True}
    return [
        {
            "data": {"values": list(shared)},
            "mark": mark | {"stroke": look.alarm},
            "encoding": {"y": y, "x": {"field": "from", **x}, "x2": {"field": "to"}},
        }
    ]


def _today(today: Row | None, x: Specification, look: Look) -> list[Specification]:
    if not today:
        return []
    at = {"field": "day", **x}
    return [
        {
            "data": {"values": [today]},
            "mark": {"type": "rule", "strokeWidth": 2, "color": look.muted},
            "encoding": {"x": at},
        },
        {
            "data": {"values": [today]},
            "mark": {"type": "text", "baseline": "bottom", "y": -2},
            "encoding": {"x": at, "text": {"field": "text"}},
        },
    ]
