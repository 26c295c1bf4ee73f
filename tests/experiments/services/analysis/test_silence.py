"""Hours without an exposure, and where a reader sees them."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from experiments.models import Change, Experiment
from experiments.services.analysis.silence import SEARCHED, silent_hours
from experiments.services.reporting.standings import keep_standings
from tests import factories
from tests.experiments.services.counted_experiments import count, reported
from tests.factories import NOW, STARTED, make_event

pytestmark = pytest.mark.on_both_databases

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SENTENCE = "No exposure has arrived for 36 hours: is the page still up?"


def hours_of(experiment):
    return reported(experiment).silent_hours


@pytest.fixture
def silent(running_experiment):
    """The running experiment, whose last visitor came 36 hours ago."""
    last = NOW - 36 * HOUR
    count(running_experiment, (500, 50), (500, 55), day=last.date())
    make_event(running_experiment.variants.get(arm=1), at=last)
    return running_experiment


def test_hours_are_those_since_the_last_exposure(silent):
    assert hours_of(silent) == 36


def test_returning_visitors_are_heard_though_no_rollup_counts_them(silent):
    make_event(silent.variants.get(arm=1), at=NOW - 3 * HOUR)
    assert hours_of(silent) == 3


def test_clicks_are_no_exposures(silent):
    make_event(silent.variants.get(arm=1), at=NOW - 3 * HOUR, kind="click")
    assert hours_of(silent) == 36


def test_exposures_of_another_experiment_are_not_heard(silent, slot):
    other = factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "footer")
    make_event(other.variants.get(arm=0), at=NOW - HOUR)
    assert hours_of(silent) == 36


def test_new_visitor_of_today_is_heard_without_a_query(
    running_experiment, django_assert_num_queries
):
    count(running_experiment, (5, 0), (5, 1), day=NOW.date())
    report = reported(running_experiment)
    with django_assert_num_queries(0):
        hours = silent_hours(running_experiment, report.rollups, now=NOW)
    assert hours == 12


@pytest.mark.parametrize(
    ("zone", "hours"), [("Pacific/Auckland", 1), ("America/Los_Angeles", 4), ("UTC", 12)]
)
def test_new_visitor_of_today_came_since_midnight_there(running_experiment, zone, hours):
    Experiment.objects.update(days_in=zone)
    today = (NOW + timedelta(hours=13 if zone == "Pacific/Auckland" else 0)).date()
    count(running_experiment, (5, 0), (5, 1), day=today)
    assert hours_of(running_experiment) == hours


def test_day_of_25_hours_is_not_silent_for_the_visitor_of_its_end(running_experiment):
    """The clocks of Paris went back on 25 October: the day ended at 23:00 in UTC."""
    ends = datetime(2026, 10, 25, 23, tzinfo=UTC)
    Experiment.objects.update(days_in="Europe/Paris", started_at=ends - 9 * DAY)
    experiment = Experiment.objects.get()
    count(experiment, (5, 0), (5, 1), day=ends.date())
    last = ends - timedelta(minutes=30)
    make_event(experiment.variants.get(arm=1), at=last)
    rollups = list(experiment.rollups.all())
    assert silent_hours(experiment, rollups, now=ends - timedelta(minutes=1)) < 1
    assert silent_hours(experiment, rollups, now=ends - 2 * HOUR) == 23


@pytest.mark.parametrize("ago", [1, 2, 5])
def test_day_of_the_rollups_counts_where_its_events_are_not_here(running_experiment, ago):
    count(running_experiment, (5, 0), (5, 1), day=NOW.date() - ago * DAY)
    assert hours_of(running_experiment) == 24 * ago - 12


def test_experiment_that_nobody_ever_saw_is_silent_since_its_start(running_experiment):
    assert hours_of(running_experiment) == (NOW - STARTED) / HOUR


def test_silent_experiment_costs_one_query_more(silent, django_assert_num_queries):
    report = reported(silent)
    with django_assert_num_queries(1):
        silent_hours(silent, report.rollups, now=NOW)


def test_pause_is_no_silence(silent):
    Change.objects.create(experiment=silent, kind=Change.Kind.RESUME, at=NOW - HOUR)
    assert hours_of(silent) == 1


def test_search_is_bounded(silent):
    assert hours_of(silent) * HOUR < SEARCHED
    silent.rollups.update(day=NOW.date() - 5 * DAY)
    silent.events.all().delete()
    make_event(silent.variants.get(arm=1), at=NOW - SEARCHED - HOUR)
    assert hours_of(silent) == 108


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Experiment.Status.PAUSED},
        {"status": Experiment.Status.STOPPED, "stopped_at": NOW},
        {"origin": Experiment.Origin.IMPORTED},
    ],
    ids=["paused", "stopped", "imported"],
)
def test_experiment_that_is_not_shown_is_not_silent(silent, changes):
    Experiment.objects.update(**changes)
    assert hours_of(silent) is None


def test_silence_is_said_on_page_dashboard_and_in_json(silent, admin_client, client, server_key):
    page = reverse("admin:experiments_experiment_report", args=[silent.pk])
    with time_machine.travel(NOW, tick=False):
        keep_standings(now=NOW)
        for url in (page, reverse("admin:index")):
            assert SENTENCE in admin_client.get(url).content.decode()
        answer = client.get(
            reverse("experiment-report", args=[silent.key]),
            headers={"Authorization": f"Bearer {server_key}"},
        )
    assert SENTENCE in answer.json()["verdict"]["sentences"]


def test_page_with_visitors_is_not_called_silent(silent, admin_client):
    make_event(silent.variants.get(arm=1), at=NOW - HOUR)
    with time_machine.travel(NOW, tick=False):
        page = admin_client.get(reverse("admin:index")).content.decode()
    assert "is the page still up?" not in page
