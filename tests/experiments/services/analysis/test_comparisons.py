from datetime import timedelta

import pytest
from scipy.stats import chi2_contingency, multivariate_normal, norm

from experiments.models import Phase
from experiments.services.analysis.report import report_of
from tests import factories


def day_after(experiment, day):
    """Return the date of a day of the experiment, the first being 0."""
    return (experiment.started_at + timedelta(days=day)).date()


def compared(experiment, *days):
    """Return the comparisons after days with these visitors and clicks of each arm."""
    for day, counts in enumerate(days):
        for variant, (visitors, clicks) in zip(
            experiment.variants.order_by("arm"), counts, strict=True
        ):
            factories.make_rollup(
                variant, visitors=visitors, clicks=clicks, day=day_after(experiment, day)
            )
    now = experiment.started_at + timedelta(days=len(days) + 1)
    return report_of(experiment=experiment, now=now)


def test_fixed_reading_is_the_pooled_z_test(slot):
    experiment = factories.make_running_experiment(slot, plan="fixed", planned_visitors=20_000)
    (row,) = compared(experiment, ((10_000, 500), (10_000, 580))).comparisons
    table = [[500, 9_500], [580, 9_420]]
    assert row.fixed.comparison.p_value == pytest.approx(
        chi2_contingency(table, correction=False).pvalue
    )
    assert row.anytime is None
    assert row.decisive is row.fixed


def test_fixed_plan_is_read_once_and_then_stays(slot):
    """The audit's case 4: "keep the control" at 20,000 planned visitors, "ship" at 30,000."""
    experiment = factories.make_running_experiment(slot, plan="fixed", planned_visitors=20_000)
    at_end = ((10_000, 500), (10_000, 540))
    report = compared(experiment, at_end, ((5_000, 250), (5_000, 340)))
    (row,) = report.comparisons
    table = [[500, 9_500], [540, 9_460]]
    assert row.decisive.comparison.p_value == pytest.approx(
        chi2_contingency(table, correction=False).pvalue
    )
    assert report.plan.is_over
    assert report.plan.read_until == day_after(experiment, 0)
    assert [arm.visitors for arm in report.arms] == [15_000, 15_000]


def test_sequential_experiment_is_read_by_the_anytime_p_value(slot):
    experiment = factories.make_running_experiment(slot, plan="sequential")
    (row,) = compared(experiment, ((10_000, 500), (10_000, 580))).comparisons
    assert row.decisive is row.anytime
    assert row.anytime.comparison.p_value > row.fixed.comparison.p_value


def test_proof_is_dated_and_later_days_do_not_take_it_back(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    report = compared(
        experiment,
        ((5_000, 250), (5_000, 290)),
        ((5_000, 250), (5_000, 310)),
        ((4_000, 250), (4_000, 180)),
    )
    (row,) = report.comparisons
    assert row.proven.day == day_after(experiment, 1)
    assert row.proven.visitors == 20_000
    assert row.proven.lift == pytest.approx(0.2)
    assert row.anytime.p_value_adjusted == row.proven.p_value_adjusted < 0.05
    assert row.anytime.comparison.lift_interval[0] > 0
    assert row.anytime.comparison.lift < 0.06
    assert report.plan.is_over


def test_day_that_is_not_over_cannot_be_the_plans_end(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    (first, second) = ((5_000, 250), (5_000, 290)), ((5_000, 250), (5_000, 300))
    compared(experiment, first, second)
    in_the_day = experiment.started_at + timedelta(days=1, minutes=1)
    assert not report_of(experiment=experiment, now=in_the_day).plan.is_over
    assert report_of(experiment=experiment, now=in_the_day + timedelta(days=1)).plan.is_over


def test_proof_waits_for_the_end_of_the_day_which_could_take_it_back(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=40_000)
    compared(experiment, ((5_000, 250), (5_000, 260)), ((5_000, 250), (5_000, 370)))
    in_the_day = experiment.started_at + timedelta(days=1, hours=3)
    (row,) = report_of(experiment=experiment, now=in_the_day).comparisons
    assert row.proven is None
    assert row.anytime.p_value_adjusted > 0.05
    assert row.anytime.comparison.lift == pytest.approx(630 / 500 - 1)
    end = in_the_day + timedelta(days=1)
    assert report_of(experiment=experiment, now=end).comparisons[0].proven
    experiment.status, experiment.stopped_at = "stopped", in_the_day
    experiment.save()
    assert report_of(experiment=experiment, now=in_the_day).comparisons[0].proven


def test_stop_is_a_look_that_can_end_the_plan(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    compared(experiment, ((10_000, 500), (10_000, 600)))
    experiment.status, experiment.stopped_at = "stopped", experiment.started_at + timedelta(hours=1)
    experiment.save()
    report = report_of(experiment=experiment, now=experiment.stopped_at)
    assert report.plan.is_over
    assert report.comparisons[0].proven


def test_changed_shares_are_compared_within_phases(slot):
    """The case `shares-changed`: 90/10 at 10 %, then 50/50 at 3 %, the arms alike."""
    experiment = factories.make_running_experiment(
        slot, shares={"control": "0.5", "b": "0.5"}, planned_visitors=100_000
    )
    for number, slices in enumerate(
        ([[0, 9_000, 0], [9_000, 10_000, 1]], [[0, 5_000, 0], [5_000, 10_000, 1]])
    ):
        Phase.objects.create(
            experiment=experiment, number=number, started_at=experiment.started_at,
            shares=[0.9, 0.1] if number == 0 else [0.5, 0.5], coverage=1, slices=slices,
        )  # fmt: skip
    for variant, before, after in zip(
        experiment.variants.order_by("arm"),
        ((9_000, 900), (1_000, 100)),
        ((10_000, 300), (10_000, 300)),
        strict=True,
    ):
        make_days(variant, before, after)
    now = experiment.started_at + timedelta(days=3)
    report = report_of(experiment=experiment, now=now)
    (row,) = report.comparisons
    assert row.decisive.comparison.lift == pytest.approx(0, abs=1e-9)
    assert row.decisive.p_value_adjusted == pytest.approx(1)
    assert row.fixed.p_value_adjusted == pytest.approx(1)
    assert report.strata.has_changed_shares
    # The plan counts visitors: 10,000 of 30,000.
    assert row.looks.fractions == pytest.approx([1 / 3, 1])


def make_days(variant, before, after):
    for day, phase, (visitors, clicks) in ((0, 0, before), (1, 1, after)):
        day = day_after(variant.experiment, day)
        factories.make_rollup(variant, visitors=visitors, clicks=clicks, day=day, phase=phase)


def test_p_values_of_several_arms_are_adjusted_by_dunnetts_steps(slot):
    experiment = factories.make_running_experiment(
        slot,
        plan="fixed",
        planned_visitors=30_000,
        shares={"control": "0.4", "b": "0.3", "c": "0.3"},
    )
    rows = compared(experiment, ((10_000, 500), (10_000, 580), (10_000, 540))).comparisons
    p_values = [row.fixed.comparison.p_value for row in rows]
    smaller, larger = sorted(p_values)
    # Equal arms share the control: the statistics are correlated by one half.
    size = norm.isf(smaller / 2)
    both = multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf(
        [size, size], lower_limit=[-size, -size]
    )
    expected = {smaller: 1 - both, larger: larger}
    for row, p_value in zip(rows, p_values, strict=True):
        assert row.fixed.p_value_adjusted == pytest.approx(expected[p_value], abs=1e-5)
