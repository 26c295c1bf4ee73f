"""Dates as people and spreadsheets write them: ISO, day first, month first, names of months."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Literal

from babel.dates import get_month_names

Order = Literal["year first", "day first", "month first"]
DateProblem = Literal["not_a_date", "ambiguous_date"]

ORDERS: tuple[Order, ...] = ("year first", "day first", "month first")
LANGUAGES = ("en", "fr", "fr_CA")
# Two digits: 69 is 1969 and 68 is 2068, as in POSIX.
PIVOT = 69

_NUMERIC = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})", re.ASCII)
_NAMED = re.compile(
    r"(?:(\d{1,2})(?:st|nd|rd|th|er|\.)?[ -])?([^\W\d]+)\.?,?[ -]"
    r"(?:(\d{1,2})(?:st|nd|rd|th)?,? )?(\d{2,4})"
)
_TIME = re.compile(
    r"[T ,]+\d{1,2}[:h]\d{2}\S*(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?$"
)
_PLACES: Mapping[Order, tuple[int, int, int]] = {
    "year first": (0, 1, 2),
    "day first": (2, 1, 0),
    "month first": (2, 0, 1),
}


class DateError(ValueError):
    """A text that cannot be read as one date.

    >>> str(DateError("ambiguous_date"))
    'may be two dates: write it as YYYY-MM-DD'
    """

    def __init__(self, problem: DateProblem) -> None:
        self.problem: DateProblem = problem
        super().__init__(_WORDS[problem])


_WORDS: Mapping[DateProblem, str] = {
    "not_a_date": "is not a date",
    "ambiguous_date": "may be two dates: write it as YYYY-MM-DD",
}


class DateColumn:
    """Reading of the dates of one column, whose cells give the order of day and month.

    >>> column = DateColumn()
    >>> column.learn(["03/04/2026", "28/11/2026"])
    >>> column.read("03/04/2026"), column.order
    (datetime.date(2026, 4, 3), 'day first')
    """

    def __init__(self) -> None:
        self._orders = frozenset(ORDERS)
        self._learned = False

    @property
    def order(self) -> Order | None:
        """The order of day, month and year that all cells learned agree on; None if they do not."""
        return next(iter(self._orders)) if self._learned and len(self._orders) == 1 else None

    def learn(self, texts: Iterable[str]) -> None:
        """Keep the orders in which these cells, too, are dates; ignore cells that never are.

        Args:
            texts: Cells as read.
        """
        for text in texts:
            possible = frozenset(_readings(text, frozenset(ORDERS)))
            if possible:
                self._orders &= possible
                self._learned = True

    def read(self, text: str) -> date:
        """Return the day of a cell; a time of day beside it does not count.

        Args:
            text: Cell as read.

        Raises:
            DateError: If the cell cannot be read as a date, or may be two between which the
                column does not decide.
        """
        days = set(_readings(text, self._orders or frozenset(ORDERS)).values())
        if len(days) > 1:
            raise DateError("ambiguous_date")
        if not days:
            raise DateError("not_a_date")
        return days.pop()


def _readings(text: str, orders: frozenset[Order]) -> dict[Order, date]:
    text = " ".join(text.split())
    try:
        day = datetime.fromisoformat(text).date()
    except ValueError:
        text = _TIME.sub("", text).strip()
    else:
        return dict.fromkeys(orders, day)
    if named := _NAMED.fullmatch(text):
        day_named = _named_day(*named.groups())
        return dict.fromkeys(orders, day_named) if day_named else {}
    if not (match := _NUMERIC.fullmatch(text)):
        return {}
    parts = (match[1], match[3], match[4])
    found = {order: _numeric_day(parts, order) for order in orders}
    return {order: day for order, day in found.items() if day}


def _numeric_day(parts: tuple[str, str, str], order: Order) -> date | None:
    year, month, day = (parts[place] for place in _PLACES[order])
    # 26/11/28 is read by nobody with the year first: too few digits.
    years = {4} if order == "year first" else {2, 4}
    if len(year) not in years or max(len(day), len(month)) > 2:
        return None
    return _day(year, int(month), int(day))


def _named_day(before: str | None, name: str, after: str | None, year: str) -> date | None:
    month = _months().get(name.casefold().rstrip("."))
    day = before or after
    if month is None or day is None or (before and after) or len(year) == 3:
        return None
    return _day(year, month, int(day))


def _day(year: str, month: int, day: int) -> date | None:
    full = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= PIVOT else 2000)
    try:
        return date(full, month, day)
    except ValueError:
        return None


@cache
def _months() -> dict[str, int]:
    """Names and abbreviations of the months in the languages of the product."""
    return {
        name.casefold().rstrip("."): month
        for language in LANGUAGES
        for width in ("wide", "abbreviated")
        for month, name in get_month_names(width, locale=language).items()
    }
