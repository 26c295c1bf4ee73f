import pytest
from scipy.stats import chi2_contingency

from experiments.services.analysis.comparisons import compare_arms
from experiments.services.rollups.arm_totals import ArmTotals
from tests import factories


def compared(experiment, *counts):
    variants = list(experiment.variants.order_by("arm"))
    totals = [ArmTotals(visitors=n, clicking_visitors=clicks) for n, clicks in counts]
    return compare_arms(experiment, variants, totals)


def test_fixed_reading_is_the_pooled_z_test(slot):
    experiment = factories.make_running_experiment(slot, plan="fixed", planned_visitors=20_000)
    (row,) = compared(experiment, (10_000, 500), (10_000, 580))
    table = [[500, 9_500], [580, 9_420]]
    assert row.fixed.comparison.p_value == pytest.approx(
        chi2_contingency(table, correction=False).pvalue
    )
    assert row.anytime is None
    assert row.decisive is row.fixed


def test_sequential_experiment_is_read_by_the_anytime_p_value(slot):
    experiment = factories.make_running_experiment(slot, plan="sequential")
    (row,) = compared(experiment, (10_000, 500), (10_000, 580))
    assert row.decisive is row.anytime
    assert row.anytime.comparison.p_value > row.fixed.comparison.p_value


def test_p_values_of_several_arms_are_adjusted_by_holm(slot):
    experiment = factories.make_running_experiment(
        slot,
        plan="fixed",
        planned_visitors=30_000,
        shares={"control": "0.4", "b": "0.3", "c": "0.3"},
    )
    rows = compared(experiment, (10_000, 500), (10_000, 580), (10_000, 540))
    p_values = [row.fixed.comparison.p_value for row in rows]
    smaller, larger = sorted(p_values)
    expected = {smaller: 2 * smaller, larger: max(2 * smaller, larger)}
    for row, p_value in zip(rows, p_values, strict=True):
        assert row.fixed.p_value_adjusted == pytest.approx(expected[p_value])
