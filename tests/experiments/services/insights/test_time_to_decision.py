from datetime import timedelta

import pytest

from experiments.models import Experiment
from experiments.services.insights.lift_estimates import estimates_of
from experiments.services.insights.time_to_decision import time_left, visitors_per_day
from tests import factories
from tests.experiments.services.counted_experiments import count, reported
from tests.factories import NOW


def run(slot, *, a_day, days, **changes):
    """An experiment with equal arms, so many visitors a day on each whole day."""
    started = NOW - timedelta(days=days, hours=3)
    experiment = factories.make_running_experiment(slot, started_at=started, **changes)
    for ago in range(1, days + 1):
        day = NOW.date() - timedelta(days=ago)
        count(experiment, *[(a_day // 2, a_day // 40)] * 2, day=day)
    return experiment


def left_of(experiment):
    report = reported(experiment)
    return time_left(report, estimates_of(report))


def test_traffic_is_the_mean_of_the_last_whole_week(slot):
    experiment = run(slot, a_day=400, days=10)
    # Today, which is not over.
    count(experiment, (90, 0), (90, 0), day=NOW.date())
    old = NOW.date() - timedelta(days=9)
    experiment.rollups.filter(day=old).update(visitors=100_000)
    assert visitors_per_day(reported(experiment)) == 400


def test_traffic_is_unknown_on_the_first_day(slot):
    experiment = factories.make_running_experiment(slot, started_at=NOW - timedelta(hours=3))
    count(experiment, (90, 0), (90, 0))
    assert left_of(experiment) is None


@pytest.mark.parametrize("plan", ["fixed", "sequential"])
def test_planned_visitors_say_what_is_left(slot, plan):
    experiment = run(slot, a_day=400, days=5, plan=plan, planned_visitors=10_000)
    left = left_of(experiment)
    assert (left.visitors_left, left.days_left, left.target) == (8_000, 20, None)


def test_nothing_is_left_after_the_plan(slot):
    experiment = run(slot, a_day=400, days=5, planned_visitors=1_500)
    assert left_of(experiment).days_left == 0


def test_without_a_plan_it_counts_until_the_target_is_powered(slot):
    left = left_of(run(slot, a_day=400, days=5))
    assert left.target == 0.1
    assert left.days_left == pytest.approx(left.visitors_left / 400)
    # 10 % on a rate of 5 % takes 62,462 visitors at one planned look
    # (statsmodels, ../shared/notes/statistics.md section 14) and more at every look.
    assert 62_462 < 2_000 + left.visitors_left < 2.2 * 62_462


def test_paused_experiment_has_no_end_in_sight(slot):
    experiment = run(slot, a_day=400, days=5, planned_visitors=10_000)
    Experiment.objects.update(status=Experiment.Status.PAUSED)
    assert left_of(experiment) is None
