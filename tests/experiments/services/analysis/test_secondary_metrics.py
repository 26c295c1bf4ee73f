from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from experiments.models import Experiment, GoalRollup, SecondaryMetric
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.analysis.secondary_metrics import Missing, secondary_readings
from experiments.services.reporting.full_report import full_report
from experiments.stats.estimation.multiplicity import adjust_p_values
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.looks import Schedule, compare_looks
from tests import factories
from tests.experiments.services.counted_experiments import count, reported
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
DAY = timedelta(days=1)
TODAY = NOW.date()
RATE, VALUE = "conversion_rate", "value_per_visitor"
FIXED = {"plan": Experiment.Plan.FIXED, "planned_visitors": 10_000}
THREE = {"control": "0.3334", "b": "0.3333", "c": "0.3333"}


def choose(experiment, *metrics):
    for metric, goal in metrics:
        SecondaryMetric.objects.create(experiment=experiment, metric=metric, goal=goal)


def convert(experiment, goal, *orders, day=TODAY - DAY, phase=0):
    """Give each arm, control first, converting visitors worth 2 each."""
    for variant, number in zip(experiment.variants.order_by("arm"), orders, strict=True):
        GoalRollup.objects.create(
            experiment=experiment,
            variant=variant,
            day=day,
            phase=phase,
            goal=goal,
            converting_visitors=number,
            value_sum=Decimal(2 * number),
            value_sum_squares=Decimal(4 * number),
        )


def readings(experiment):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    counts = StoredCounts(row)
    return secondary_readings(report_of(experiment=row, now=NOW, counts=counts), counts)


def test_readings_are_those_of_a_primary_metric(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=30_000)
    choose(experiment, (RATE, "order"))
    other = factories.make_slot(slot.site, "other")
    primary = factories.make_running_experiment(
        other, "primary", planned_visitors=30_000, primary_metric=RATE, goal="order"
    )
    for ago, orders in ((2, (100, 160)), (1, (110, 120))):
        day = TODAY - ago * DAY
        count(experiment, (5_000, 250), (5_000, 250), day=day)
        convert(experiment, "order", *orders, day=day)
        for variant, number in zip(primary.variants.order_by("arm"), orders, strict=True):
            factories.make_rollup(variant, visitors=5_000, converting_visitors=number, day=day)
    (reading,) = readings(experiment)
    expected = reported(primary).comparisons[0].anytime
    assert reading.comparison == expected.comparison
    assert reading.p_value_adjusted == expected.p_value_adjusted
    assert reading.means == (0.021, 0.028)
    assert reading.missing is None


def test_family_of_all_metrics_and_arms_is_adjusted_together(slot):
    experiment = factories.make_running_experiment(slot, shares=THREE, goal="")
    choose(experiment, (RATE, "order"), (VALUE, "order"), (RATE, "signup"))
    count(experiment, (5_000, 250), (5_000, 250), (5_000, 250))
    convert(experiment, "order", 100, 170, 130)
    convert(experiment, "signup", 300, 380, 310)
    rows = readings(experiment)
    assert len(rows) == 6
    adjusted = stats.false_discovery_control([row.comparison.p_value for row in rows], method="bh")
    assert [row.p_value_adjusted for row in rows] == pytest.approx(adjusted.tolist())
    assert {row.is_found for row in rows} == {True, False}
    for row in rows:
        assert row.is_found == (row.p_value_adjusted <= 0.05)
        low, high = row.comparison.lift_interval
        assert row.is_found == (low > 0 or high < 0)


def test_clicks_can_be_secondary(slot):
    values = {"primary_metric": RATE, "goal": "order"}
    experiment = factories.make_running_experiment(slot, **values)
    choose(experiment, ("click_rate", ""))
    count(experiment, (5_000, 250), (5_000, 350))
    (reading,) = readings(experiment)
    assert reading.means == (0.05, 0.07)
    assert reading.is_found


def test_fixed_plan_is_read_at_its_end_only(slot):
    experiment = factories.make_running_experiment(slot, **FIXED)
    choose(experiment, (RATE, "order"))
    count(experiment, (4_000, 200), (4_000, 200), day=TODAY - 3 * DAY)
    convert(experiment, "order", 80, 160, day=TODAY - 3 * DAY)
    (reading,) = readings(experiment)
    assert (reading.missing, reading.comparison) == (Missing.PLAN_RUNS, None)
    count(experiment, (1_000, 50), (1_000, 50), day=TODAY - 2 * DAY)
    convert(experiment, "order", 20, 10, day=TODAY - 2 * DAY)
    # After the end: shown elsewhere, not judged.
    count(experiment, (1_000, 50), (1_000, 50), day=TODAY - DAY)
    convert(experiment, "order", 500, 0, day=TODAY - DAY)
    (reading,) = readings(experiment)
    table = [[100, 4_900], [170, 4_830]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert reading.comparison.p_value == pytest.approx(expected)
    assert reading.means == (0.02, 0.034)


def test_arm_below_the_floors_is_not_read_but_counts_in_the_family(slot):
    experiment = factories.make_running_experiment(slot)
    choose(experiment, (RATE, "order"), (RATE, "signup"))
    count(experiment, (5_000, 250), (5_000, 250))
    convert(experiment, "order", 100, 160)
    convert(experiment, "signup", 19, 19)
    order, signup = readings(experiment)
    assert (signup.missing, signup.p_value_adjusted) == (Missing.TOO_FEW, None)
    assert order.p_value_adjusted == pytest.approx(2 * order.comparison.p_value)


def test_goal_is_compared_within_phases_of_equal_shares(slot):
    """Nothing differs within a phase; pooled over both, the arms would."""
    experiment = factories.make_running_experiment(slot)
    choose(experiment, (RATE, "order"))
    factories.make_phases(experiment, ([0.9, 0.1], 1), ([0.5, 0.5], 1))
    for phase, visitors, orders in (
        (0, (9_000, 1_000), (1_800, 200)),
        (1, (5_000, 5_000), (50, 50)),
    ):
        day = TODAY - (2 - phase) * DAY
        count(experiment, *((n, 0) for n in visitors), day=day, phase=phase)
        convert(experiment, "order", *orders, day=day, phase=phase)
    (reading,) = readings(experiment)
    assert reading.comparison.effect == pytest.approx(0, abs=1e-12)
    assert not reading.is_found


def test_experiment_without_visitors_has_readings_without_figures(slot):
    experiment = factories.make_running_experiment(slot)
    choose(experiment, (RATE, "order"))
    (reading,) = readings(experiment)
    assert (reading.means, reading.missing, reading.is_found) == (None, Missing.TOO_FEW, False)


def test_experiment_without_secondary_metrics_costs_nothing(
    running_experiment, django_assert_num_queries
):
    report = reported(running_experiment)
    with django_assert_num_queries(0):
        assert secondary_readings(report, StoredCounts(report.experiment)) == ()


def test_verdict_is_the_same_with_and_without(slot):
    experiment = factories.make_running_experiment(slot, started_at=NOW - 10 * DAY)
    count(experiment, (5_000, 250), (5_000, 250))
    convert(experiment, "order", 100, 300)
    rows = reports.experiments_for_report()
    before = full_report(experiment=rows.get(), now=NOW)
    choose(experiment, (RATE, "order"))
    after = full_report(experiment=rows.get(), now=NOW)
    assert after.secondary[0].is_found
    assert after.decision == before.decision


@pytest.mark.slow
def test_null_metrics_are_rarely_found_at_any_look():
    """2,000 experiments without effects, 28 daily looks, three arms, three correlated metrics."""
    rng = np.random.default_rng(13)
    runs, looks, daily = 2_000, 28, 100
    share = np.full(3, 1 / 3)
    schedule = Schedule(
        planned_visitors=looks * 3 * daily,
        alpha=0.05,
        shares=share[np.newaxis],
        is_scheduled=np.ones(looks, dtype=bool),
    )
    shape = (looks, runs, 1, 3)
    n = np.broadcast_to(np.arange(1, looks + 1).reshape(-1, 1, 1, 1) * daily, shape).astype(float)
    first = rng.binomial(daily, 0.1, shape)
    sums = [first, rng.binomial(first, 0.6), rng.binomial(daily, 0.05, shape)]
    p_values = np.concatenate(
        [
            compare_looks(Proportion(n=n, sum=own.cumsum(axis=0)), schedule).p_values[-1]
            for own in sums
        ],
        axis=-1,
    )
    found = (adjust_p_values(p_values, "bh") <= 0.05).any(axis=-1).mean()
    assert found <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
