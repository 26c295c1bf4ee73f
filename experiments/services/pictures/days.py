"""Axis of days, and the days that are marked on it."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from experiments.services.pictures.looks import LETTER, WIDEST, Look

Row = dict[str, Any]
Specification = dict[str, Any]

# Days from one that is named to the next.
STEPS_OF_DAYS = (1, 2, 7, 14, 28)
# Pixels that the labels of an axis and the air beside it take at most.
MARGIN = 110


def marked_days(marks: Sequence[Row], rows: Sequence[Row], look: Look) -> list[Specification]:
    """Return lines at days, with what happened; none without marks."""
    if not marks:
        return []
    x = day_axis(look)
    rule = {"type": "rule", "strokeDash": [5, 3], "color": look.muted}
    text = {"type": "text", "baseline": "top"}
    texts = [
        {
            "data": {"values": [mark]},
            "mark": text | place,
            "encoding": {"x": x, "text": {"field": "text"}},
        }
        for mark, place in zip(marks, _places(marks, rows, look), strict=True)
    ]
    return [{"data": {"values": list(marks)}, "mark": rule, "encoding": {"x": x}}, *texts]


def room_of_marks(marks: Sequence[Row], rows: Sequence[Row], look: Look) -> int:
    """Return the pixels below the upper end of a picture that the texts of marks take.

    >>> from experiments.services.pictures.looks import LOOKS
    >>> mark = {"day": "2026-11-20", "text": "Paused"}
    >>> room_of_marks([mark], [mark], LOOKS["wide"]), room_of_marks([], [], LOOKS["wide"])
    (19, 0)
    """
    if not marks:
        return 0
    return int(max(place["y"] for place in _places(marks, rows, look))) + look.text_size + 5


def _places(marks: Sequence[Row], rows: Sequence[Row], look: Look) -> list[Specification]:
    """Return where the text of each mark stands: towards the middle, below those in its way."""
    days = [date.fromisoformat(row["day"]).toordinal() for row in (*rows, *marks)]
    first, n = min(days), max(max(days) - min(days), 1)
    taken: list[list[tuple[float, float]]] = []
    places = []
    for mark in marks:
        at = (date.fromisoformat(mark["day"]).toordinal() - first) / n
        is_left, x = at < 0.5, at * (look.width - MARGIN)
        most = look.width - MARGIN - x if is_left else x
        room = min(LETTER * look.text_size * len(mark["text"]) + 12, most)
        left, right = (x, x + room) if is_left else (x - room, x)
        line = next(
            (
                number
                for number, spans in enumerate(taken)
                if all(right <= start or end <= left for start, end in spans)
            ),
            len(taken),
        )
        taken[line:] = taken[line:] or [[]]
        taken[line].append((left, right))
        side: Specification = (
            {"align": "left", "dx": 4} if is_left else {"align": "right", "dx": -4}
        )
        side["limit"] = round((most - 8) / WIDEST)
        places.append(side | {"y": 2 + line * (look.text_size + 3)})
    return places


def day_axis(look: Look, *, is_banded: bool = True, days: Sequence[str] = ()) -> Specification:
    """Return the axis of days; with `days` only some of them are named, none after the last."""
    most = 4 if look.is_narrow else 8
    axis: Specification = {"format": "%-d %b", "title": None, "tickCount": most}
    axis |= {"labelOverlap": True, "grid": False}
    if days:
        axis["values"] = _named_days(days, most)
    unit = {"timeUnit": "utcyearmonthdate"} if is_banded else {}
    return {"field": "day", "type": "temporal", "scale": {"type": "utc"}, "axis": axis, **unit}


def _named_days(days: Sequence[str], most: int) -> list[int]:
    """Return days from the first to the last, at most some, as milliseconds of the epoch.

    >>> len(_named_days(["2026-11-20", "2026-11-23"], 8)), _named_days(["1970-01-02"], 4)
    (4, [86400000])
    """
    first, last = (date.fromisoformat(end(days)) for end in (min, max))
    n = (last - first).days + 1
    step = next((step for step in STEPS_OF_DAYS if n <= step * most), math.ceil(n / most))
    epoch = date(1970, 1, 1)
    return [(first - epoch + timedelta(days=at)).days * 86_400_000 for at in range(0, n, step)]
