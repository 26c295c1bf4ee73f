"""The page with the calendar of tests: months across, slots as rows, collisions marked."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from babel.dates import format_date
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from experiments.models import Experiment, Site, Slot
from experiments.selectors import lifecycle
from experiments.selectors.permissions import may, sites_where
from experiments.services.archive.calendar_of_tests import Collision, Row, Span, calendar_rows

NAME = "experiments_experiment_calendar"
VIEW = "experiments.view_experiment"
MONTHS = 6
# Months before the present one that the page begins with.
BEFORE = 2
# Slots of one page, each with a drawing; and tests, if those have very many.
SLOTS = 25
MOST = 300
MONTH_WIDTH, LINE_HEIGHT, BAR_HEIGHT = 100.0, 14, 10
MONTHS_A_YEAR = 12
YEARS = range(2000, 3000)
# Days by which zones differ from that of the database.
MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A test, or the days of a collision, in units of the drawing."""

    x: float
    width: float
    y: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A row with its drawing."""

    row: Row
    bars: tuple[Bar, ...]
    lines: tuple["Line", ...]
    height: int
    today_x: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A test in words: its days, and the tests that it shares visitors with."""

    span: Span
    collisions: tuple[tuple[Experiment, Collision], ...]


def calendar_urls(admin_site: AdminSite) -> list[URLPattern]:
    def calendar(request: HttpRequest) -> HttpResponse:
        return _calendar(admin_site, request)

    return [path("calendar/", admin_site.admin_view(calendar), name=NAME)]


def _calendar(admin_site: AdminSite, request: HttpRequest) -> HttpResponse:
    if not may(request.user, VIEW):
        raise PermissionDenied
    now = timezone.now()
    all_sites = sites_where(request.user, VIEW).order_by("name", "pk")
    site = all_sites.filter(key=request.GET.get("site", "")).first()
    months = _months(request.GET.get("from", ""), now.date())
    sites = all_sites if site is None else Site.objects.filter(pk=site.pk)
    between = _between(sites, months)
    page = _page(between, request.GET.get("page", ""))
    found = list(between.filter(slot__in=[slot.pk for slot in page])[: MOST + 1])
    rows = calendar_rows(found[:MOST], first=months[0], last=_last_day(months), now=now)
    context = {
        **admin_site.each_context(request),
        "title": _("Calendar of tests"),
        "opts": Experiment._meta,
        "months": months,
        "month_names": [_month_name(one, is_first=one == months[0]) for one in months],
        "rows": [_drawn(row, months, now) for row in rows],
        "sites": all_sites,
        "site": site,
        "page": page,
        "page_url": _url(site, months[0]),
        "is_cut": len(found) > MOST,
        "most": MOST,
        "before_url": _url(site, months[0], -MONTHS),
        "after_url": _url(site, months[0], MONTHS),
        "now_url": _url(site, None),
        "width": MONTH_WIDTH * MONTHS,
        "month_lines": [MONTH_WIDTH * number for number in range(1, MONTHS)],
    }
    return render(request, "admin/experiments/past_tests/calendar.html", context)


def _month_name(month: date, *, is_first: bool) -> str:
    """Return the short name of a month; with the year where one begins to be read."""
    pattern = "LLL y" if is_first or month.month == 1 else "LLL"
    return format_date(month, pattern, locale=to_locale(get_language() or "en"))


def _months(text: str, today: date) -> list[date]:
    """Return the first days of the months that are shown: from "2026-11" on, or about today."""
    try:
        first = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007  # A month has no zone.
        return [_moved(first, number) for number in range(MONTHS)]
    except ValueError:
        first = _moved(today.replace(day=1), -BEFORE)
        return [_moved(first, number) for number in range(MONTHS)]


def _moved(month: date, by: int) -> date:
    """Return the first day of the month some months later, or earlier.

    Raises:
        ValueError: If no test can be there.
    """
    year, number = divmod(month.year * MONTHS_A_YEAR + month.month - 1 + by, MONTHS_A_YEAR)
    if year not in YEARS:
        raise ValueError(f"year must be in {YEARS.start} to {YEARS.stop - 1}, got {year}")
    return date(year, number + 1, 1)


def _last_day(months: Sequence[date]) -> date:
    last = months[-1]
    return last.replace(day=monthrange(last.year, last.month)[1])


def _between(sites: QuerySet[Site], months: Sequence[date]) -> QuerySet[Experiment]:
    first = timezone.make_aware(datetime.combine(months[0], time.min)) - MARGIN
    last = timezone.make_aware(datetime.combine(_last_day(months), time.max)) + MARGIN
    return lifecycle.experiments_between(sites=sites, first=first, last=last)


def _page(experiments: QuerySet[Experiment], number: str) -> Page[Slot]:
    """Return the slots of a page, in the order of their rows; the first one if it is no number."""
    slots = Slot.objects.filter(pk__in=experiments.order_by().values("slot"))
    return Paginator(slots.order_by("site__name", "name", "pk"), SLOTS).get_page(number)


def _url(site: Site | None, month: date | None, by: int = 0) -> str:
    """Return the page with other months; empty beyond the calendar."""
    chosen = {"site": site.key} if site else {}
    if month is not None:
        try:
            chosen["from"] = f"{_moved(month, by):%Y-%m}"
        except ValueError:
            return ""
    return f"{reverse(f'admin:{NAME}')}?{urlencode(chosen)}"


def _drawn(row: Row, months: Sequence[date], now: datetime) -> Drawn:
    bars = [
        _bar(span.start, span.end, months, y=number * LINE_HEIGHT, kind=_kind(span))
        for number, span in enumerate(row.spans)
    ]
    places = {id(span): number * LINE_HEIGHT for number, span in enumerate(row.spans)}
    marks = [
        _bar(one.start, one.end, months, y=places[id(span)], kind="collision")
        for one in row.collisions
        for span in (one.one, one.other)
        if one.start <= _last_day(months) and (one.end or months[0]) >= months[0]
    ]
    today = now.astimezone(row.slot.site.zone).date()
    is_shown = months[0] <= today <= _last_day(months)
    return Drawn(
        row=row,
        bars=(*bars, *marks),
        lines=tuple(_line(span, row.collisions) for span in row.spans),
        height=len(row.spans) * LINE_HEIGHT,
        today_x=_x(today, months) if is_shown else None,
    )


def _line(span: Span, collisions: Sequence[Collision]) -> Line:
    others = [
        (one.other if one.one is span else one.one, one)
        for one in collisions
        if span is one.one or span is one.other
    ]
    return Line(span=span, collisions=tuple((other.experiment, one) for other, one in others))


def _kind(span: Span) -> str:
    status = span.experiment.status
    return status if status != Experiment.Status.ARCHIVED else Experiment.Status.STOPPED


def _bar(start: date, end: date | None, months: Sequence[date], *, y: int, kind: str) -> Bar:
    """Return the bar from the beginning of the first day to the end of the last."""
    first, last = months[0], _last_day(months)
    x = _x(max(start, first), months)
    after = MONTH_WIDTH * MONTHS if end is None or end >= last else _x(end + MARGIN, months)
    return Bar(x=x, width=round(max(after - x, 1.0), 2), y=y, kind=kind)


def _x(day: date, months: Sequence[date]) -> float:
    """Return the place of the beginning of a day: every month is equally wide."""
    first = months[0]
    month = (day.year - first.year) * MONTHS_A_YEAR + day.month - first.month
    part = (day.day - 1) / monthrange(day.year, day.month)[1]
    return round((month + part) * MONTH_WIDTH, 2)
