from datetime import timedelta

import pytest

from experiments.services.documents.drawn.daily_pictures import (
    cumulative_rates,
    daily_rates,
    daily_visitors,
)
from tests import factories
from tests.experiments.services.counted_experiments import reported
from tests.factories import NOW


def on_days(experiment, *days):
    """Count days back from the first one; each has (visitors, clicks) of each arm."""
    for number, counts in enumerate(days):
        day = (NOW - timedelta(days=len(days) - number)).date()
        for arm, (visitors, clicks) in zip(
            experiment.variants.order_by("arm"), counts, strict=True
        ):
            factories.make_rollup(arm, visitors=visitors, clicks=clicks, day=day)
    return reported(experiment)


def test_rates_add_up_over_days(running_experiment):
    report = on_days(running_experiment, ((100, 10), (100, 20)), ((300, 10), (100, 20)))
    values = [row["value"] for row in cumulative_rates(report).rows]
    assert values == pytest.approx([0.1, 0.2, 0.05, 0.2])
    assert [row["value"] for row in daily_rates(report).rows] == pytest.approx(
        [0.1, 0.2, 1 / 30, 0.2]
    )
    assert "“hero-test control”: 5.0%" in cumulative_rates(report).words


def test_visitors_are_those_of_the_report(running_experiment):
    report = on_days(running_experiment, ((100, 10), (90, 20)))
    picture = daily_visitors(report)
    assert [row["value"] for row in picture.rows] == [100, 90]
    assert picture.words == "190 visitors from 21 Nov 2026 to 21 Nov 2026."
    assert cumulative_rates(report) is None


def test_many_days_become_weeks(running_experiment):
    report = on_days(running_experiment, *[((10, 1), (10, 2))] * 700)
    picture = daily_visitors(report)
    assert len(picture.rows) == 200
    assert sum(row["value"] for row in picture.rows) == 14_000


def test_nothing_is_drawn_without_visitors(running_experiment):
    report = reported(running_experiment)
    assert daily_visitors(report) is daily_rates(report) is cumulative_rates(report) is None


def test_rates_of_a_day_that_is_not_over_are_not_quoted(running_experiment):
    days = (((100, 10), (100, 20)), ((300, 10), (100, 20)))
    for back, counts in zip((1, 0), days, strict=True):
        day = (NOW - timedelta(days=back)).date()
        arms = running_experiment.variants.order_by("arm")
        for arm, (visitors, clicks) in zip(arms, counts, strict=True):
            factories.make_rollup(arm, visitors=visitors, clicks=clicks, day=day)
    report = reported(running_experiment)
    assert daily_rates(report).words == (
        "On 21 Nov 2026, the last whole day: “hero-test control”: 10%, “hero-test b”: 20%."
    )
    assert cumulative_rates(report).words == (
        "Until 22 Nov 2026: “hero-test control”: 5.0%, “hero-test b”: 20%."
    )


def test_last_whole_week_is_named(running_experiment):
    report = on_days(running_experiment, *[((10, 1), (10, 2))] * 704)
    words = daily_rates(report).words
    assert words.startswith("In the week from 11 Nov 2026, the last whole one: ")
