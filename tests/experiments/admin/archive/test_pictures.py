from datetime import date, timedelta

import pytest

from experiments.admin.archive.pictures import calendar_picture, lifts_picture, name_of_group
from experiments.models import Experiment
from experiments.services.archive.calendar_of_tests import calendar_rows
from experiments.services.archive.track_record import LiftGroup, TrackRecord
from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.specifications import KINDS
from tests import factories
from tests.factories import NOW

FIRST, LAST = date(2026, 9, 1), date(2027, 2, 28)
TODAY = NOW.date()


def pictured(slot, *, first=FIRST, last=LAST):
    found = Experiment.objects.select_related("slot__site", "audience")
    (row,) = calendar_rows(found, first=first, last=last, now=NOW)
    return calendar_picture(row, first=first, last=last, today=TODAY)


def days(picture):
    return [(row["name"], row["from"], row["to"], row["series"]) for row in picture.rows]


@pytest.mark.django_db
def test_bar_reaches_to_the_end_of_the_last_day(slot):
    factories.make_running_experiment(slot, status="stopped", stopped_at=NOW)
    assert days(pictured(slot)) == [("hero-test", "2026-11-15", "2026-11-23", "Finished")]


@pytest.mark.django_db
def test_what_is_outside_of_the_months_is_cut_off(slot):
    factories.make_running_experiment(slot, started_at=NOW - timedelta(days=400))
    picture = pictured(slot)
    # Its end is not known.
    assert days(picture) == [("hero-test", "2026-09-01", "2027-03-01", "Running")]
    assert picture.options["span"]["today"] == {"day": TODAY.isoformat(), "text": "today"}
    later = pictured(slot, first=date(2027, 1, 1))
    assert later.options["span"]["today"] is None


@pytest.mark.django_db
def test_shared_days_are_those_of_both_tests(slot):
    factories.make_running_experiment(slot, "live", ends_at=NOW + timedelta(days=10))
    factories.make_experiment(slot, "later", starts_at=NOW + timedelta(days=5))
    picture = pictured(slot)
    shared = [row for row in picture.rows if row.get("shared")]
    assert [(row["name"], row["from"], row["to"]) for row in shared] == [
        ("live", "2026-11-27", "2026-12-03"),
        ("later", "2026-11-27", "2026-12-03"),
    ]
    assert picture.words == (
        "2 tests from 1 Sep 2026 to 28 Feb 2027. Outlined: days on which a test shares visitors "
        "with another one."
    )


@pytest.mark.django_db
def test_tests_of_one_name_have_a_line_each(slot):
    for key in ("one", "two"):
        factories.make_running_experiment(slot, key, name="Same", status="stopped", stopped_at=NOW)
    assert {row["name"] for row in pictured(slot).rows} == {"Same (one)", "Same (two)"}


def record(*groups):
    return TrackRecord(
        n_decided=1,
        n_won=0,
        win_rate=0.0,
        win_interval=None,
        groups=tuple(groups),
        n_shipped=0,
        shipped=None,
        shipped_shrunken=None,
        mean_lift=None,
        mean_shrunken=None,
    )


def test_lifts_are_drawn_as_measured_beside_shrunken():
    groups = (
        LiftGroup(low=None, high=0.02, n_raw=3, n_shrunken=5),
        LiftGroup(low=0.02, high=0.1, n_raw=1, n_shrunken=1),
        LiftGroup(low=0.1, high=None, n_raw=2, n_shrunken=0),
    )
    picture = lifts_picture(record(*groups))
    assert [(row["series"], row["value"]) for row in picture.rows] == [
        ("As measured", 3), ("Shrunken", 5), ("As measured", 1), ("Shrunken", 1),
        ("As measured", 2), ("Shrunken", 0),
    ]  # fmt: skip
    assert picture.words == "Of 6 tests 3 gained more than 2% as measured, 1 shrunken."
    assert name_of_group(groups[1]) == "+2% to +10%"
    KINDS[picture.kind](picture.rows, look=LOOKS["wide"], **picture.options)
