from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.comparison import compare_sequential
from tests import factories
from tests.factories import NOW


def reported(experiment):
    return report_of(experiment=reports.experiments_for_report().get(pk=experiment.pk), now=NOW)


@pytest.fixture
def library(site):
    return reported(factories.make_library_experiment(site))


def test_report_of_the_library_test_shows_its_published_rates(library):
    rates = [round(100 * arm.rate, 3) for arm in library.arms]
    assert rates == [0.408, 1.933, 0.764, 1.195, 2.180]


def test_report_of_the_library_test_has_its_omnibus(library):
    assert library.omnibus.statistic == pytest.approx(96.743, abs=5e-4)
    assert library.omnibus.dof == 4


def test_report_of_the_library_test_adjusts_by_holm(library):
    adjusted = [row.fixed.p_value_adjusted for row in library.comparisons]
    assert adjusted == pytest.approx([2.3e-16, 0.0169, 9.1e-7, 6.4e-18], rel=0.02)


def test_report_of_the_library_test_agrees_with_scipy(library):
    table = [[42, 53], [10_283 - 42, 2_742 - 53]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert library.comparisons[0].fixed.comparison.p_value == pytest.approx(expected, rel=1e-9)


def test_report_of_the_library_test_warns_of_its_split(library):
    assert library.srm.is_mismatch


def test_report_adds_the_days_of_an_arm(running_experiment):
    control = running_experiment.variants.get(arm=0)
    factories.make_rollup(control, visitors=10, clicks=1)
    factories.make_rollup(control, visitors=5, clicks=2, day=NOW.date() - timedelta(days=2))
    arm = reported(running_experiment).arms[0]
    assert (arm.visitors, arm.clicks) == (15, 3)


def test_report_counts_a_visitor_once_whatever_segments_there_are(running_experiment):
    control = running_experiment.variants.get(arm=0)
    for segment in ("", "device=mobile", "locale=fr"):
        factories.make_rollup(control, visitors=10, clicks=1, segment=segment)
    assert reported(running_experiment).arms[0].visitors == 10


def test_report_without_visitors_has_no_rate_and_says_why(running_experiment):
    report = reported(running_experiment)
    assert report.arms[0].rate is None
    assert report.comparisons[0].fixed.comparison.p_value is None
    assert report.comparisons[0].fixed.comparison.reason == "An arm has no visitors."


def test_report_of_a_conversion_metric_counts_converting_visitors(slot):
    experiment = factories.make_running_experiment(
        slot, primary_metric=Experiment.Metric.CONVERSION_RATE, goal="signup"
    )
    control = experiment.variants.get(arm=0)
    factories.make_rollup(control, visitors=20, clicks=9, converting_visitors=5)
    assert reported(experiment).arms[0].rate == 0.25


def test_report_of_values_compares_means(slot):
    experiment = factories.make_running_experiment(
        slot, primary_metric=Experiment.Metric.VALUE_PER_VISITOR, goal="order"
    )
    for variant, total, squares in zip(
        experiment.variants.order_by("arm"), ("30", "60"), ("120", "400"), strict=True
    ):
        sums = {"value_sum": Decimal(total), "value_sum_squares": Decimal(squares)}
        factories.make_rollup(variant, visitors=10, **sums)
    row = reported(experiment).comparisons[0].fixed.comparison
    # Welch's test from the same means and variances, by scipy.
    expected = stats.ttest_ind_from_stats(
        6, ((400 - 360) / 9) ** 0.5, 10, 3, ((120 - 90) / 9) ** 0.5, 10, equal_var=False
    )
    assert row.effect == pytest.approx(3)
    assert row.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_report_costs_the_same_for_any_number_of_events(
    running_experiment, django_assert_num_queries
):
    experiment = reports.experiments_for_report().get(pk=running_experiment.pk)
    with django_assert_num_queries(1):
        report_of(experiment=experiment, now=NOW)


def test_report_of_imported_figures_has_no_anytime_reading(library):
    assert {row.anytime for row in library.comparisons} == {None}


def test_report_plans_each_comparison_for_its_own_two_arms(slot):
    experiment = factories.make_running_experiment(
        slot, shares={"control": "0.5", "b": "0.3", "c": "0.2"}, planned_visitors=20_000
    )
    counts = ((5_000, 250), (3_000, 180), (2_000, 120))
    for variant, (visitors, clicks) in zip(
        experiment.variants.order_by("arm"), counts, strict=True
    ):
        factories.make_rollup(variant, visitors=visitors, clicks=clicks)
    both = Proportion(n=np.array([5_000, 2_000]), sum=np.array([250, 120]))
    expected = compare_sequential(both, planned_n=14_000, shares=np.array([5, 2]) / 7)
    assert reported(experiment).comparisons[1].anytime.comparison.p_value == pytest.approx(
        float(expected.p_value[0]), rel=1e-12
    )
