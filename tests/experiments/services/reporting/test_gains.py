"""Gains of an arm: a thousand visitors, or clicks, and a month at the traffic of the test."""

from datetime import UTC, datetime, timedelta

import pytest

from experiments.models import Experiment
from experiments.services.insights.time_to_decision import visitors_per_day
from experiments.services.reporting.gains import gains_of, units_per_day
from tests.experiments.services.counted_experiments import count, reported
from tests.experiments.services.documents.counted_metrics import make_counted
from tests.factories import NOW


def gains(experiment):
    report = reported(experiment)
    return report, gains_of(report, report.comparisons[0].decisive.comparison)


def test_thousand_visitors_bring_the_difference_of_the_rates(slot):
    _, found = gains(make_counted(slot, "clicks"))
    # 720 of 6,000 against 600 of 8,000.
    assert found.per_thousand.amount == pytest.approx(1_000 * (720 / 6_000 - 600 / 8_000))


def test_ends_are_those_of_the_lift_at_the_rate_of_the_control(slot):
    report, found = gains(make_counted(slot, "clicks"))
    low, high = report.comparisons[0].decisive.comparison.lift_interval
    assert found.per_thousand.interval == pytest.approx((75 * low, 75 * high))


def test_month_is_thirty_days_of_the_traffic(slot):
    experiment = make_counted(slot, "clicks")
    Experiment.objects.filter(pk=experiment.pk).update(status="stopped", stopped_at=NOW)
    _, found = gains(Experiment.objects.get(pk=experiment.pk))
    ratio = found.per_month.amount / found.per_thousand.amount
    assert ratio == pytest.approx(found.units_per_day * 30 / 1_000)


def rate_of(experiment, *, started_at, days, **state):
    """Visitors a day of a test that had 1,000 visitors on each of its days."""
    for back in range(days):
        day = started_at.date() + timedelta(days=back)
        count(experiment, (500, 50), (500, 60), day=day)
    changes = {"started_at": started_at} | state
    Experiment.objects.filter(pk=experiment.pk).update(**changes)
    return units_per_day(reported(Experiment.objects.get(pk=experiment.pk)))


def test_paused_test_keeps_its_traffic(running_experiment):
    """7,000 visitors in seven days, then three weeks without any: still 1,000 a day."""
    start = datetime(2026, 10, 25, tzinfo=UTC)
    rate = rate_of(running_experiment, started_at=start, days=7, status="paused")
    assert rate == pytest.approx(1_000)


def test_end_after_a_pause_keeps_the_traffic(running_experiment):
    start = datetime(2026, 10, 25, tzinfo=UTC)
    state = {"status": "stopped", "stopped_at": NOW - timedelta(days=2)}
    assert rate_of(running_experiment, started_at=start, days=7, **state) == pytest.approx(1_000)


@pytest.mark.parametrize(("days", "hours"), [(7, 168), (2, 48)])
def test_day_of_the_end_counts(running_experiment, days, hours):
    """From a minute after midnight to a minute before: two minutes less than whole days."""
    start = datetime(2026, 11, 1, 0, 1, tzinfo=UTC)
    stop = start + timedelta(hours=hours, minutes=-2)
    state = {"status": "stopped", "stopped_at": stop}
    rate = rate_of(running_experiment, started_at=start, days=days, **state)
    assert rate == pytest.approx(1_000 * days / (days - 2 / 1_440))


def test_days_that_are_not_whole_count_by_their_hours(running_experiment):
    """Noon of the first to six in the evening of the third: 54 hours."""
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    state = {"status": "stopped", "stopped_at": datetime(2026, 11, 3, 18, tzinfo=UTC)}
    rate = rate_of(running_experiment, started_at=start, days=3, **state)
    assert rate == pytest.approx(3_000 / 54 * 24)


def test_hour_counts_as_a_day(running_experiment):
    """What came in an hour is all that is known of a day: 1,000, not 24,000."""
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    state = {"status": "stopped", "stopped_at": start + timedelta(hours=1)}
    rate = rate_of(running_experiment, started_at=start, days=1, **state)
    assert rate == pytest.approx(1_000)


def test_value_per_click_counts_clicks(slot):
    report, found = gains(make_counted(slot, "value-per-click"))
    clicks = sum(arm.all_clicks for arm in report.arms)
    visitors = sum(arm.visitors for arm in report.arms)
    assert found.units_per_day == pytest.approx(visitors_per_day(report) * clicks / visitors)


def test_unknown_effect_has_no_gain(running_experiment):
    count(running_experiment, (100, 5), (0, 0))
    assert gains(running_experiment)[1] is None
