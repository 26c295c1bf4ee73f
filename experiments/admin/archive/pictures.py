"""Pictures of the archive's pages: the calendar of a slot, and how the lifts of tests lie."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from experiments.formatting import Count, signed_percent
from experiments.models import Experiment
from experiments.services.archive.calendar_of_tests import Row, Span
from experiments.services.archive.track_record import LiftGroup, TrackRecord
from experiments.services.documents.drawn.picture import LONGEST_NAME, Picture

Status = Experiment.Status
ONE_DAY = timedelta(days=1)


def calendar_picture(row: Row, *, first: date, last: date, today: date) -> Picture:
    """Return the tests of a slot on their days; what is outside of the months is cut off.

    Args:
        row: Slot with its tests.
        first: First day that is shown.
        last: Last day that is shown.
        today: Today where the site is.
    """
    names, kinds = _names(row.spans), _kinds()
    place = {id(span): name for span, name in zip(row.spans, names, strict=True)}

    def bar(span: Span, start: date, end: date | None) -> dict[str, object]:
        # To the beginning of the day after the last; an unknown end is far away.
        after = min(end or last, last) + ONE_DAY
        days = {"from": max(start, first).isoformat(), "to": after.isoformat()}
        return {"name": place[id(span)], "series": kinds[_kind(span)], **days}

    bars = [bar(span, span.start, span.end) for span in row.spans if _is_shown(span, first, last)]
    shared = [
        bar(span, one.start, one.end) | {"shared": True}
        for one in row.collisions
        if one.start <= last and (one.end or first) >= first
        for span in (one.one, one.other)
    ]
    mark = {"day": today.isoformat(), "text": _("today")} if first <= today <= last else None
    return Picture(
        name="calendar",
        kind="calendar",
        title=_("Days of the tests on “%(slot)s”") % {"slot": row.slot.name},
        words=_in_words(row, first, last),
        options={
            "title": "",
            "span": {
                "first": first.isoformat(),
                "end": (last + ONE_DAY).isoformat(),
                "today": mark,
                "kinds": list(kinds.values()),
            },
        },
        rows=[*bars, *shared],
        columns=(),
    )


def lifts_picture(record: TrackRecord) -> Picture:
    """Return the tests by the lift of their new wordings, as measured and shrunken."""
    raw, shrunken = _("As measured"), _("Shrunken")
    rows = [
        {"step": name_of_group(group), "series": series, "value": n, "text": str(n)}
        for group in record.groups
        for series, n in ((raw, group.n_raw), (shrunken, group.n_shrunken))
    ]
    gains = [group for group in record.groups if group.low is not None and group.low > 0]
    n = sum(group.n_raw for group in record.groups)
    words = ngettext(
        "Of %(n)s test %(raw)s gained more than 2%% as measured, %(shrunken)s shrunken.",
        "Of %(n)s tests %(raw)s gained more than 2%% as measured, %(shrunken)s shrunken.",
        n,
    ) % {
        "n": Count(n),
        "raw": Count(sum(group.n_raw for group in gains)),
        "shrunken": Count(sum(group.n_shrunken for group in gains)),
    }
    return Picture(
        name="track-record",
        kind="tallies",
        title=_("Tests by the lift of their new wordings"),
        words=words,
        options={"title": _("Tests"), "everyone": [raw, shrunken]},
        rows=rows,
        columns=(),
    )


def name_of_group(group: LiftGroup) -> str:
    r"""Return the borders of a group of lifts in words.

    >>> name_of_group(LiftGroup(low=0.25, high=None, n_raw=1, n_shrunken=0))
    '+25%\xa0and above'
    """
    low, high = (signed_percent(end, 0) for end in (group.low, group.high))
    if group.low is None:
        return _("below %(high)s") % {"high": high}
    if group.high is None:
        return _("%(low)s and above") % {"low": low}
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def _kinds() -> dict[str, str]:
    """Return the kinds of bars by status, in the order of their colours."""
    return {
        Status.DRAFT: _("Planned"),
        Status.RUNNING: _("Running"),
        Status.PAUSED: _("Paused"),
        Status.STOPPED: _("Finished"),
    }


def _kind(span: Span) -> str:
    status = span.experiment.status
    return status if status != Status.ARCHIVED else Status.STOPPED


def _names(spans: Sequence[Span]) -> list[str]:
    """Return the names of the tests, with the key where two are the same."""
    texts = [span.experiment.name or span.experiment.key for span in spans]
    short = [text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…" for text in texts]
    often = Counter(short)
    return [
        f"{text} ({span.experiment.key})" if often[text] > 1 else text
        for text, span in zip(short, spans, strict=True)
    ]


def _is_shown(span: Span, first: date, last: date) -> bool:
    return span.start <= last and (span.end or last) >= first


def _in_words(row: Row, first: date, last: date) -> str:
    n = len(row.spans)
    days = {"first": date_format(first, "DATE_FORMAT"), "last": date_format(last, "DATE_FORMAT")}
    tests = ngettext(
        "%(n)s test from %(first)s to %(last)s.", "%(n)s tests from %(first)s to %(last)s.", n
    ) % {"n": Count(n), **days}
    if not row.collisions:
        return tests
    return f"{tests} " + _("Outlined: days on which a test shares visitors with another one.")
