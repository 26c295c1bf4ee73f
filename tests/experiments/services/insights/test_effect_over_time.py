from datetime import timedelta

import pytest

from experiments.services.insights.effect_over_time import time_hints
from tests import factories
from tests.experiments.services.counted_experiments import count, reported
from tests.factories import NOW


def hints_of(experiment):
    report = reported(experiment)
    return time_hints(report)


def run(experiment, clicks_by_day, n=20_000):
    """Give the control 1,000 clicks a day and the arm what is said, the last one yesterday."""
    for ago, clicks in enumerate(reversed(clicks_by_day), start=1):
        count(experiment, (n, 1_000), (n, clicks), day=NOW.date() - timedelta(days=ago))
    return hints_of(experiment)


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
    assert hints_of(running_experiment) == ()


def test_changed_shares_are_no_novelty(running_experiment):
    """The rate falls from phase to phase and the arm's share grows: pooled, its lift would too."""
    factories.make_phases(
        running_experiment, *[([share, 1 - share], 1.0) for share in (0.9, 0.7, 0.5)]
    )
    for ago in range(1, 9):
        day = NOW.date() - timedelta(days=ago)
        phases = [((9_000, 900), (1_000, 110)), ((7_000, 350), (3_000, 165))]
        last = ((5_000, 50 + 10 * ago), (5_000, 55 + 11 * ago))
        count(running_experiment, *phases[0], day=day)
        count(running_experiment, *phases[1], day=day, phase=1)
        count(running_experiment, *last, day=day, phase=2)
    (hints,) = hints_of(running_experiment)
    assert hints.novelty.trend == "steady"
    assert hints.novelty.first_half == pytest.approx(0.1, abs=0.01)
    assert hints.novelty.second_half == pytest.approx(0.1, abs=0.01)
