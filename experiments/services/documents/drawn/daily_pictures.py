"""Pictures over days: visitors and rates of the arms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from experiments.event_schema.calendar_days import calendar_day
from experiments.formatting import count, rounded_percent
from experiments.models import Experiment
from experiments.services.analysis.report import DayOfArm, Report
from experiments.services.documents.drawn.picture import Picture, names_of_arms
from experiments.services.pictures.days import Row

# With more points than this, days are summed to weeks: bars would be thinner than a pixel.
MOST_POINTS = 1_200
ONE_DAY = timedelta(days=1)


def daily_visitors(report: Report) -> Picture | None:
    """Return the visitors of each arm by the day of their first exposure."""
    days, names = _periods(report), names_of_arms(report)
    if not days:
        return None
    rows = [_point(one.day, names[one.arm], one.visitors) for one in days]
    total = sum(one.visitors for one in days)
    return Picture(
        name="visitors",
        kind="stacked_days",
        title=_("Visitors by wording and day"),
        words=_("%(visitors)s visitors from %(first)s to %(last)s.")
        % {
            "visitors": count(total),
            "first": date_format(days[0].day, "DATE_FORMAT"),
            "last": date_format(days[-1].day, "DATE_FORMAT"),
        },
        options={"title": _("Visitors")},
        rows=rows,
        columns=_columns(_("Visitors")),
    )


def cumulative_rates(report: Report) -> Picture | None:
    """Return the click rate of each arm's visitors until each day."""
    sums: dict[int, tuple[int, int]] = {}

    def until(one: DayOfArm) -> tuple[int, int]:
        visitors, clicks = sums.get(one.arm, (0, 0))
        sums[one.arm] = visitors + one.visitors, clicks + one.clicks
        return sums[one.arm]

    title = _("Click rate until each day")
    picture = _rates(report, until, name="cumulative-rates", title=title)
    if picture is None:
        return None
    last = report.days[-1].day
    rates = {row["series"]: row["value"] for row in picture.rows}
    words = _("Until %(day)s: %(rates)s.")
    day = date_format(last, "DATE_FORMAT")
    return replace(picture, words=words % {"day": day, "rates": _in_words(rates)})


def daily_rates(report: Report) -> Picture | None:
    """Return the click rate of each day's new visitors."""

    def of_day(one: DayOfArm) -> tuple[int, int]:
        return one.visitors, one.clicks

    title = _("Click rate of each day's new visitors")
    picture = _rates(report, of_day, name="daily-rates", title=title)
    if picture is None:
        return None
    last = _last_whole(report)
    rates = {row["series"]: row["value"] for row in picture.rows if row["day"] == last.isoformat()}
    words = (
        _("On %(day)s, the last whole day: %(rates)s.")
        if _period(report) == ONE_DAY
        else _("In the week from %(day)s, the last whole one: %(rates)s.")
    )
    day = date_format(last, "DATE_FORMAT")
    return replace(picture, words=words % {"day": day, "rates": _in_words(rates)})


def _rates(
    report: Report, counts: Callable[[DayOfArm], tuple[int, int]], *, name: str, title: str
) -> Picture | None:
    days, names = _periods(report), names_of_arms(report)
    if len({one.day for one in days}) < 2:
        return None
    rows = []
    for one in days:
        visitors, clicks = counts(one)
        if visitors:
            rows.append(_point(one.day, names[one.arm], clicks / visitors))
    return Picture(
        name=name,
        kind="lines",
        title=title,
        words="",
        options={"title": str(Experiment.Metric.CLICK_RATE.label)},
        rows=rows,
        columns=_columns(str(Experiment.Metric.CLICK_RATE.label)),
        units={"value": "rate"},
    )


def _in_words(rates: Mapping[str, float]) -> str:
    return ", ".join(
        _("“%(name)s”: %(rate)s") % {"name": name, "rate": rounded_percent(value)}
        for name, value in rates.items()
    )


def _last_whole(report: Report) -> date:
    """Return the last day, or first day of a week, that was over when the report was made.

    The day of the end of a test is no whole one either.
    """
    until = report.experiment.stopped_at or report.as_of
    end = calendar_day(until, report.experiment.zone_of_days)
    days = [one.day for one in _periods(report)]
    return max((day for day in days if day + _period(report) <= end), default=days[0])


def _period(report: Report) -> timedelta:
    return ONE_DAY if len(report.days) <= MOST_POINTS else timedelta(days=7)


def _periods(report: Report) -> Sequence[DayOfArm]:
    """Return the days, or weeks by their first day where there are too many."""
    if _period(report) == ONE_DAY:
        return report.days
    first = report.days[0].day
    sums: dict[tuple[date, int], tuple[int, int]] = {}
    for one in report.days:
        week = one.day - timedelta(days=(one.day - first).days % 7)
        visitors, clicks = sums.get((week, one.arm), (0, 0))
        sums[week, one.arm] = visitors + one.visitors, clicks + one.clicks
    return [
        DayOfArm(day=day, arm=arm, visitors=visitors, clicks=clicks)
        for (day, arm), (visitors, clicks) in sorted(sums.items())
    ]


def _point(day: date, series: str, value: float) -> Row:
    return {"day": day.isoformat(), "series": series, "value": value}


def _columns(value: str) -> tuple[tuple[str, str], ...]:
    return ("day", _("Day")), ("series", _("Wording")), ("value", value)
