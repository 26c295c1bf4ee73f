from datetime import timedelta

import pytest

from experiments.models import Experiment
from experiments.services.insights.lift_estimates import estimates_of
from experiments.services.insights.stagewise_lift import stagewise_lift
from tests import factories
from tests.experiments.services.counted_experiments import count, reported
from tests.factories import NOW


def run(slot, clicks_by_day, key="hero-test", **changes):
    """Report days of 1,000 visitors an arm: 50 clicks of the control, and those given."""
    changes = {"planned_visitors": 20_000} | changes
    experiment = factories.make_running_experiment(slot, key, **changes)
    for ago, clicks in enumerate(reversed(clicks_by_day), start=1):
        count(experiment, (1_000, 50), (1_000, clicks), day=NOW.date() - timedelta(days=ago))
    return reported(experiment)


def corrected(report):
    return [
        stagewise_lift(row, estimate, level=0.95, has_ended=False)
        for row, estimate in zip(report.comparisons, estimates_of(report), strict=True)
    ]


def test_lift_is_corrected_for_its_first_crossing_and_uses_the_days_after_it(slot):
    # Lucky in the first five days, ordinary in the next five.
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    for ago in range(10, 5, -1):
        count(experiment, (1_000, 50), (1_000, 90), day=NOW.date() - timedelta(days=ago))
    (early,) = corrected(reported(experiment))
    for ago in range(5, 0, -1):
        count(experiment, (1_000, 50), (1_000, 55), day=NOW.date() - timedelta(days=ago))
    report = reported(experiment)
    (late,) = corrected(report)
    assert early.crossed_on == late.crossed_on == report.comparisons[0].proven.day
    assert late.crossed_on < NOW.date() - timedelta(days=6)
    assert late.lift < early.lift
    assert late.interval[1] - late.interval[0] < early.interval[1] - early.interval[0]
    measured = estimates_of(report)[0].lift
    assert 0.9 * measured < late.lift < measured


def test_loser_is_corrected_towards_the_control(slot):
    (lost,) = corrected(run(slot, [30] * 8))
    assert -0.4 < lost.lift < -0.3
    assert lost.interval[1] < 0


def test_every_arm_that_crossed_is_corrected(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    experiment = factories.make_running_experiment(slot, shares=shares, planned_visitors=20_000)
    for ago in range(10, 0, -1):
        day = NOW.date() - timedelta(days=ago)
        count(experiment, (1_000, 50), (750, 55), (750, 38), day=day)
    best, other = corrected(reported(experiment))
    assert best.lift > 0.3
    assert other is None


def test_lift_of_an_adjusted_experiment_rests_on_its_adjusted_looks(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    for ago in range(10, 0, -1):
        past = {
            "covariate_sum": 40,
            "covariate_sum_squares": 40,
            "covariate_product_sum": 20,
            "day": NOW.date() - timedelta(days=ago),
        }
        count(experiment, (1_000, 50), (1_000, 64), **past)
    report = reported(experiment)
    assert report.adjustment is not None
    looks = report.comparisons[0].looks
    (measured,) = estimates_of(report)
    assert looks.z[-1] == pytest.approx(measured.effect / measured.effect_se)
    (found,) = corrected(report)
    assert 0.8 * measured.lift < found.lift < measured.lift


@pytest.mark.parametrize(
    ("clicks", "changes"),
    [([52] * 10, {}), ([90] * 10, {"plan": Experiment.Plan.FIXED})],
    ids=["not crossed", "one look"],
)
def test_lift_is_none_without_a_crossing(slot, clicks, changes):
    assert corrected(run(slot, clicks, **changes)) == [None]


def test_proof_by_exact_looks_alone_is_corrected_at_the_last_day(slot):
    report = run(slot, [], planned_visitors=20_000)
    count(report.experiment, (1_000, 4), (1_000, 60), day=NOW.date() - timedelta(days=1))
    (found,) = corrected(reported(report.experiment))
    assert found.crossed_on == NOW.date() - timedelta(days=1)
