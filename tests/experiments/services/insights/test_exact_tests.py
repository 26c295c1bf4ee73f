import pytest
from scipy import stats

from experiments.services.insights.exact_tests import exact_readings
from tests import factories
from tests.experiments.services.counted_experiments import counted


def test_few_clicks_are_read_by_boschloo(running_experiment):
    (row,) = exact_readings(counted(running_experiment, (50, 5), (50, 14)))
    # scipy 1.17.1, ../shared/notes/statistics.md section 14.
    assert row.comparison.p_value == pytest.approx(0.024461, abs=5e-7)
    assert row.comparison.test == "boschloo"
    assert "never less powerful" in row.comparison.rule


def test_many_visitors_with_few_clicks_are_read_by_fisher(running_experiment):
    (row,) = exact_readings(counted(running_experiment, (4_000, 5), (4_000, 19)))
    expected = stats.fisher_exact([[19, 5], [3_981, 3_995]]).pvalue
    assert row.comparison.p_value == pytest.approx(expected)
    assert row.comparison.test == "fisher"


def test_clicks_enough_need_no_exact_test(running_experiment):
    assert exact_readings(counted(running_experiment, (500, 50), (500, 60))) == ()


def test_exact_p_values_are_adjusted_for_all_arms(slot):
    shares = {"control": "0.3", "b": "0.3", "c": "0.4"}
    experiment = factories.make_running_experiment(slot, shares=shares)
    first, second = exact_readings(counted(experiment, (50, 5), (50, 14), (50, 5)))
    assert first.p_value_adjusted == pytest.approx(2 * first.comparison.p_value)
    assert second.p_value_adjusted == 1


def test_many_arms_are_read_by_fisher(slot):
    shares = dict.fromkeys("abcdefgh", "0.125")
    experiment = factories.make_running_experiment(slot, shares=shares)
    readings = exact_readings(counted(experiment, *[(50, 5)] * 8))
    assert {row.comparison.test for row in readings} == {"fisher"}


def test_values_have_no_exact_test(slot):
    experiment = factories.make_running_experiment(
        slot, primary_metric="value_per_visitor", goal="order"
    )
    assert exact_readings(counted(experiment, (50, 0), (50, 0))) == ()
