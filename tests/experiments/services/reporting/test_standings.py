from datetime import timedelta

import pytest

from experiments.models import CacheWatch, Experiment, RollupCheck, Site, Standing, Variant
from experiments.selectors.standings import traffic_by_slot
from experiments.services.lifecycle.transitions import stop_experiment
from experiments.services.reporting.standings import (
    keep_standings,
    standing_alarms,
    standing_title,
)
from tests import factories
from tests.experiments.services.counted_experiments import count, reported, verdict_of
from tests.factories import NOW


@pytest.fixture
def experiment(running_experiment):
    """The running test in which arm b does far better, with visitors of today and before."""
    count(running_experiment, (1_000, 60), (1_000, 150), day=NOW.date())
    count(running_experiment, (400, 24), (400, 60), day=NOW.date() - timedelta(days=5))
    count(running_experiment, (300, 18), (300, 45), day=NOW.date() - timedelta(days=7))
    return running_experiment


def kept():
    return Experiment.objects.select_related("standing__winner").get()


def test_standing_is_the_verdict_of_the_report(experiment):
    assert keep_standings(now=NOW) == 1
    standing = kept().standing
    assert (standing.status, standing.winner.key, standing.computed_at) == ("ship", "b", NOW)
    assert standing.lift == pytest.approx(1.5)
    assert standing_title(kept()) == verdict_of(reported(experiment)).title
    assert standing_alarms(kept()) == ()


def test_visitors_are_counted_by_day_and_week(experiment):
    keep_standings(now=NOW)
    standing = kept().standing
    assert standing.today == NOW.date()
    counted = (standing.visitors_today, standing.visitors_week, standing.visitors)
    assert counted == (2_000, 2_800, 3_400)


def test_fresh_standing_is_left_and_an_old_one_computed(experiment):
    keep_standings(now=NOW)
    assert keep_standings(now=NOW + timedelta(minutes=4)) == 0
    assert keep_standings(now=NOW + timedelta(minutes=6)) == 1
    assert Standing.objects.count() == 1


def test_oldest_come_first_and_the_others_next(slot):
    for n in range(3):
        audience = factories.make_audience(slot.site, f"a-{n}")
        factories.make_running_experiment(slot, f"e-{n}", audience=audience)
    assert keep_standings(now=NOW, most=2) == 2
    assert keep_standings(now=NOW + timedelta(seconds=1), most=2) == 1
    assert keep_standings(now=NOW + timedelta(minutes=6), most=2) == 2
    oldest = Standing.objects.order_by("computed_at").first()
    assert oldest.computed_at == NOW + timedelta(seconds=1)


def test_stopped_test_is_computed_once_more_and_then_left(experiment):
    keep_standings(now=NOW)
    stop_experiment(experiment=experiment, now=NOW + timedelta(minutes=1))
    assert keep_standings(now=NOW + timedelta(minutes=2)) == 1
    assert keep_standings(now=NOW + timedelta(days=1)) == 0


def test_draft_has_no_standing(draft):
    assert keep_standings(now=NOW) == 0
    assert standing_title(draft) == "Its verdict is being computed."


def test_days_left_are_those_of_the_verdict(running_experiment):
    count(running_experiment, (1_000, 60), (1_000, 66), day=NOW.date() - timedelta(days=1))
    Experiment.objects.update(planned_visitors=20_000)
    keep_standings(now=NOW)
    standing = kept().standing
    assert standing.status == "keep_running"
    assert standing.days_left > 1


def test_silence_is_an_alarm(running_experiment):
    count(running_experiment, (1_000, 60), (1_000, 66), day=NOW.date() - timedelta(days=3))
    keep_standings(now=NOW)
    assert kept().standing.status == "no_traffic"
    assert standing_alarms(kept())[0].startswith("No exposure has arrived for ")


def test_frozen_arm_and_wrong_rollups_are_alarms(experiment):
    keep_standings(now=NOW)
    arm = experiment.variants.get(arm=1)
    CacheWatch.objects.create(experiment=experiment, checked_until=NOW, alarmed_at=NOW, arm=arm)
    RollupCheck.objects.create(experiment=experiment, checked_at=NOW, n_differing=3)
    assert standing_title(kept()) == "No verdict: the data cannot be trusted."
    assert standing_alarms(kept()) == (
        "One arm is frozen: a cache may be serving it to everyone",
        "Rollups do not match the raw events",
    )


def test_test_of_one_cta_has_nothing_to_ship(experiment):
    Variant.objects.update(cta=experiment.slot.default_cta)
    keep_standings(now=NOW)
    assert kept().standing.winner is None


@pytest.mark.parametrize(("zone", "is_today"), [("UTC", True), ("Pacific/Auckland", False)])
def test_today_is_a_day_of_the_experiments_zone(experiment, zone, is_today):
    """At noon in UTC it is the next day in Auckland."""
    Experiment.objects.update(days_in=zone)
    keep_standings(now=NOW)
    standing = kept().standing
    assert (standing.today == NOW.date()) is is_today
    assert standing.visitors_today == (2_000 if is_today else 0)
    assert standing.visitors_week == 2_800
    sites = Site.objects.all()
    (traffic,) = traffic_by_slot(sites=sites, now=NOW, most=15)
    assert traffic.visitors_week == standing.visitors_week
    (traffic,) = traffic_by_slot(sites=sites, now=NOW + timedelta(hours=10), most=15)
    assert traffic.visitors_today == standing.visitors_today
    assert not traffic_by_slot(sites=sites, now=NOW + timedelta(hours=24), most=15)
