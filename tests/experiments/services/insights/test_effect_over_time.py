from datetime import timedelta

from experiments.services.insights.effect_over_time import time_hints
from tests.experiments.services.counted_experiments import count, reported
from tests.factories import NOW


def run(experiment, clicks_by_day, n=20_000):
    """Give the control 1,000 clicks a day and the arm what is said, the last one yesterday."""
    for ago, clicks in enumerate(reversed(clicks_by_day), start=1):
        count(experiment, (n, 1_000), (n, clicks), day=NOW.date() - timedelta(days=ago))
    return time_hints(reported(experiment))


def test_effect_that_fades_is_a_novelty(running_experiment):
    (hints,) = run(running_experiment, [1_400, 1_350, 1_300, 1_200, 1_100, 1_050, 1_000])
    assert hints.novelty.trend == "fading"


def test_steady_effect_gives_no_hint(running_experiment):
    (hints,) = run(running_experiment, [1_100, 1_110, 1_090, 1_105, 1_095, 1_100, 1_100])
    assert hints.novelty.trend == "steady"
    assert not hints.weekdays.differs
    assert hints.weekdays.whole_weeks


def test_effect_of_the_weekend_is_told(running_experiment):
    # NOW is a Sunday: the fourteen days end on a Saturday.
    week = [1_350, 1_050, 1_050, 1_050, 1_050, 1_050, 1_350]
    (hints,) = run(running_experiment, week * 2)
    assert hints.weekdays.differs
    assert hints.novelty.trend == "steady"


def test_few_days_show_no_trend(running_experiment):
    (hints,) = run(running_experiment, [1_400, 1_000])
    assert hints.novelty.trend is None
    assert hints.novelty.reason == "2 days; a trend needs at least 6."


def test_day_with_a_handful_of_visitors_takes_no_part(running_experiment):
    count(running_experiment, (3, 1), (3, 2), day=NOW.date() - timedelta(days=3))
    (hints,) = run(running_experiment, [1_400, 1_000])
    assert hints.novelty.reason.startswith("2 days;")


def test_hints_are_none_before_the_first_visitor(running_experiment):
    assert time_hints(reported(running_experiment)) == ()
