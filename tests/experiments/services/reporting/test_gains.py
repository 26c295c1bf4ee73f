"""Gains of an arm: a thousand visitors, or clicks, and a month at the traffic of the test."""

import pytest

from experiments.models import Experiment
from experiments.services.insights.time_to_decision import visitors_per_day
from experiments.services.reporting.gains import gains_of
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


def test_value_per_click_counts_clicks(slot):
    report, found = gains(make_counted(slot, "value-per-click"))
    clicks = sum(arm.all_clicks for arm in report.arms)
    visitors = sum(arm.visitors for arm in report.arms)
    assert found.units_per_day == pytest.approx(visitors_per_day(report) * clicks / visitors)


def test_unknown_effect_has_no_gain(running_experiment):
    count(running_experiment, (100, 5), (0, 0))
    assert gains(running_experiment)[1] is None
