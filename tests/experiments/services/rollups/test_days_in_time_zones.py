"""Days of rollups are those of the experiment's time zone, however they are counted."""

from datetime import UTC, date, datetime, timedelta

import pytest

from experiments.models import Event, Experiment, GoalRollup, Rollup, Site
from experiments.services.lifecycle.transitions import start_experiment
from experiments.services.rollups.folding import fold_pending, rebuild_rollups
from experiments.services.rollups.reconciliation import check_experiment
from tests import factories
from tests.experiments.services.recounting import goal_recount, goal_rows_of, recount, rows_of
from tests.factories import NOW, make_event

pytestmark = pytest.mark.on_both_databases
QUARTER = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
# A zone, and the moment about which visitors come.
CHANGES = [
    ("Europe/Paris", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Pacific/Auckland", datetime(2026, 9, 26, 14, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 11, 1, 18, 15, tzinfo=UTC)),
]


def visit(experiment, moment):
    """A visitor who comes at a moment, clicks and signs up."""
    arm = experiment.variants.get(arm=1)
    visitor = f"v-{moment.isoformat()}"
    make_event(arm, visitor=visitor, at=moment)
    make_event(arm, visitor=visitor, at=moment + SECOND, kind="click")
    signup = make_event(arm, visitor=visitor, at=moment + SECOND, kind="click")
    Event.objects.filter(pk=signup.pk).update(
        type="conversion", goal="signup", experiment=None, variant=None
    )


def about(change):
    """Moments on both sides of each quarter of an hour, over three midnights of any zone."""
    for quarter in range(-100, 101, 10):
        yield change + quarter * QUARTER
        yield change + quarter * QUARTER - SECOND


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_fold_recount_and_check_agree_about_the_days(both, zone, change):
    experiment = both[0]
    Experiment.objects.filter(pk=experiment.pk).update(
        days_in=zone, started_at=change - timedelta(days=2)
    )
    experiment.refresh_from_db()
    experiment.guardrails.update(goal="signup")
    for moment in about(change):
        visit(experiment, moment)
    fold_pending()
    rows = rows_of(experiment)
    assert rows == recount(experiment)
    assert len({day for _, day in rows}) >= 3
    assert goal_rows_of(experiment) == goal_recount(experiment) != {}
    assert check_experiment(experiment=experiment, now=NOW).n_differing == 0
    Rollup.objects.filter(experiment=experiment).delete()
    rebuild_rollups(experiment=experiment)
    assert rows_of(experiment) == rows


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", date(2026, 11, 22)),
        ("Europe/Paris", date(2026, 11, 23)),
        ("America/Los_Angeles", date(2026, 11, 22)),
        ("Pacific/Auckland", date(2026, 11, 23)),
    ],
)
def test_visitor_counts_on_the_day_of_the_site_at_the_start(draft, zone, day):
    Site.objects.update(time_zone=zone)
    assert start_experiment(experiment=draft, now=NOW)
    assert draft.days_in == zone
    visit(draft, datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    fold_pending()
    assert Rollup.objects.get(segment="").day == day


def test_zone_of_a_site_may_change_without_any_day_of_a_started_experiment(draft):
    Site.objects.update(time_zone="Pacific/Auckland")
    start_experiment(experiment=draft, now=NOW)
    Site.objects.update(time_zone="America/Los_Angeles")
    visit(draft, datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    fold_pending()
    rebuild_rollups(experiment=Experiment.objects.get())
    assert Rollup.objects.get(segment="").day == date(2026, 11, 23)


def test_experiments_of_several_zones_are_counted_in_one_fold(both):
    site = both[0].slot.site
    zones = {"hero-test": "Asia/Kathmandu", "sale": "America/Los_Angeles"}
    for key, zone in zones.items():
        Experiment.objects.filter(key=key).update(days_in=zone)
    other = factories.make_running_experiment(factories.make_slot(site, "popup"), "popup-test")
    moment = datetime(2026, 11, 22, 3, tzinfo=UTC)
    for experiment in (*both, other):
        visit(experiment, moment)
    assert Event.objects.count() == 9
    fold_pending()
    days = dict(Rollup.objects.filter(segment="").values_list("experiment__key", "day"))
    assert days == {
        "hero-test": date(2026, 11, 22),
        "sale": date(2026, 11, 21),
        "popup-test": date(2026, 11, 22),
    }
    assert {row.day for row in GoalRollup.objects.all()} <= set(days.values())
