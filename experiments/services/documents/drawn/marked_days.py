"""Days marked in the pictures over days: annotations, and changes of the test itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from experiments.event_schema.calendar_days import calendar_day
from experiments.formatting import Count
from experiments.models import Annotation, Change
from experiments.services.documents.drawn.picture import Picture
from experiments.services.pictures.days import Row
from experiments.services.reporting.full_report import FullReport

MARKED_KINDS = ("bands", "lines", "stacked_days")
# The most days of changes for whose texts there is room.
MOST_CHANGED_DAYS = 4


def marked(picture: Picture, full: FullReport, changes: Sequence[Change]) -> Picture:
    """Return a picture over days with the numbers of annotations and what changed at their days."""
    days = sorted({row["day"] for row in picture.rows if "day" in row})
    if picture.kind not in MARKED_KINDS or not days:
        return picture
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    marks, words = _annotations(full.annotations, first, last)
    more_marks, more_words = _changes(
        changes, first, last, zone=full.report.experiment.zone_of_days
    )
    if not marks and not more_marks:
        return picture
    return replace(
        picture,
        words=" ".join((picture.words, *words, *more_words)),
        options={
            **picture.options,
            "marks": [*picture.options.get("marks", ()), *marks, *more_marks],
        },
    )


def _annotations(
    annotations: Sequence[Annotation], first: date, last: date
) -> tuple[list[Row], list[str]]:
    shown = [
        (number, one) for number, one in enumerate(annotations, start=1) if first <= one.day <= last
    ]
    marks = [{"day": one.day.isoformat(), "text": str(number)} for number, one in shown]
    return marks, [f"{number} ({_in_words(one.day)}): {one.text}" for number, one in shown]


def _changes(
    changes: Sequence[Change], first: date, last: date, *, zone: ZoneInfo
) -> tuple[list[Row], list[str]]:
    """Return the marks of the latest days with changes, and all of them in words."""
    by_day: dict[date, list[str]] = {}
    for change in changes:
        day = calendar_day(change.at, zone)
        if first <= day <= last:
            by_day.setdefault(day, []).append(str(Change.Kind(change.kind).label))
    if not by_day:
        return [], []
    shown = sorted(by_day)[-MOST_CHANGED_DAYS:]
    texts = {day: ", ".join(dict.fromkeys(by_day[day])) for day in shown}
    marks = [{"day": day.isoformat(), "text": text} for day, text in texts.items()]
    said = "; ".join(f"{_in_words(day)} {text}" for day, text in texts.items())
    words = [_("Changes of the test: %(changes)s.") % {"changes": said}]
    n = sum(len(labels) for day, labels in by_day.items() if day not in texts)
    if n:
        more = ngettext(
            "%(n)s earlier change is in its history.",
            "%(n)s earlier changes are in its history.",
            n,
        )
        words.append(more % {"n": Count(n)})
    return marks, words


def _in_words(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
