from datetime import date

import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from tables.dates import DateColumn, DateError

LOCALES = ["en_US", "en_GB", "fr_FR", "fr_CA", "de_DE", "sv_SE", "nl_NL"]
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


def read_or_none(column, text):
    """Return the day that a column reads; None for a date of which it sees two."""
    try:
        return column.read(text)
    except DateError as error:
        return None if error.problem == "ambiguous_date" else error


@pytest.mark.parametrize("locale", LOCALES)
@given(days=st.lists(DAYS, min_size=1, max_size=6))
def test_numeric_dates_of_a_locale_are_read_or_refused(locale, days):
    texts = [format_date(day, "short", locale=locale) for day in days]
    column = DateColumn()
    column.learn(texts)
    assert [
        read_or_none(column, text) or day for text, day in zip(texts, days, strict=True)
    ] == days


@pytest.mark.parametrize("width", ["medium", "long"])
@pytest.mark.parametrize("locale", ["en_US", "en_GB", "fr_FR", "fr_CA"])
@given(day=DAYS)
def test_dates_with_names_of_months_are_read(locale, width, day):
    assert DateColumn().read(format_date(day, width, locale=locale)) == day


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28",
        "2026-11-28T09:30:00Z",
        "2026-11-28 09:30:00.125",
        "2026-11-28 09:30:00+01:00",
        "2026/11/28",
        "20261128",
        "28/11/2026",
        "28.11.2026",
        "28-11-2026",
        "28/11/26",
        "28/11/2026 09:30",
        "28/11/2026 09h30",
        "11/28/2026",
        "11/28/2026 9:30 AM",
        "28 nov. 2026",
        "28 novembre 2026",
        "28-Nov-26",
        "Nov 28, 2026",
        "November 28th, 2026",
        "28 NOVEMBRE 2026",
    ],
)
def test_one_day_is_read_from_every_spelling(text):
    assert DateColumn().read(text) == date(2026, 11, 28)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "45989", "2026", "31/02/2026", "2026-13-01", "28/11", "28/11/026", "1/2/3",
     "28 foo 2026", "12.5", "28/11-2026"],
)  # fmt: skip
def test_text_that_is_no_date_is_refused(text):
    with pytest.raises(DateError) as refused:
        DateColumn().read(text)
    assert refused.value.problem == "not_a_date"


@pytest.mark.parametrize(
    ("evidence", "day"), [("28/11/2026", date(2026, 4, 3)), ("11/28/2026", date(2026, 3, 4))]
)
def test_another_cell_tells_day_and_month_apart(evidence, day):
    column = DateColumn()
    with pytest.raises(DateError, match="may be two dates"):
        column.read("03/04/2026")
    column.learn(["03/04/2026", evidence, "n/a"])
    assert column.read("03/04/2026") == day


def test_same_day_and_month_are_one_date():
    assert DateColumn().read("05/05/2026") == date(2026, 5, 5)
