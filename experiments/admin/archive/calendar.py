"""The page with the calendar of tests: months across, slots as rows, collisions marked."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from experiments.admin.archive.pictures import calendar_picture
from experiments.models import Experiment, Site, Slot
from experiments.selectors import lifecycle
from experiments.selectors.permissions import may, sites_where
from experiments.services.archive.calendar_of_tests import Collision, Row, Span, calendar_rows
from experiments.services.documents.drawn.picture import Picture

NAME = "experiments_experiment_calendar"
VIEW = "experiments.view_experiment"
MONTHS = 6
# Months before the present one that the page begins with.
BEFORE = 2
# Slots of one page, each with a drawing; and tests, if those have very many.
SLOTS = 25
MOST = 300
MONTHS_A_YEAR = 12
YEARS = range(2000, 3000)
# Days by which zones differ from that of the database.
MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A row with its picture, and the same in lines."""

    row: Row
    picture: Picture
    lines: tuple["Line", ...]


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
    }
    return render(request, "admin/experiments/past_tests/calendar.html", context)


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
    today = now.astimezone(row.slot.site.zone).date()
    return Drawn(
        row=row,
        picture=calendar_picture(row, first=months[0], last=_last_day(months), today=today),
        lines=tuple(_line(span, row.collisions) for span in row.spans),
    )


def _line(span: Span, collisions: Sequence[Collision]) -> Line:
    others = [
        (one.other if one.one is span else one.one, one)
        for one in collisions
        if span is one.one or span is one.other
    ]
    return Line(span=span, collisions=tuple((other.experiment, one) for other, one in others))
