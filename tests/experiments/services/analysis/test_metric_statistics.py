from decimal import Decimal

import numpy as np
import pytest

from experiments.models import Experiment
from experiments.services.analysis.metric_statistics import (
    adjusted_statistics_of,
    is_enough,
    statistics_of_metric,
    successes_of,
)
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, Ratio

Metric = Experiment.Metric
TOTALS = [
    ArmTotals(visitors=100, clicking_visitors=20, converting_visitors=5),
    ArmTotals(visitors=110, clicking_visitors=25, converting_visitors=9),
]


@pytest.mark.parametrize(
    ("metric", "successes"), [(Metric.CLICK_RATE, [20, 25]), (Metric.CONVERSION_RATE, [5, 9])]
)
def test_rate_counts_the_visitors_of_its_own_metric(metric, successes):
    statistics = statistics_of_metric(metric, TOTALS)
    assert isinstance(statistics, Proportion)
    assert np.array_equal(statistics.n, [100, 110])
    assert np.array_equal(statistics.sum, successes)


def test_values_keep_their_sums_and_squares():
    totals = [ArmTotals(visitors=2, value_sum=Decimal(3), value_sum_squares=Decimal(5))] * 2
    statistics = statistics_of_metric(Metric.VALUE_PER_VISITOR, totals)
    assert isinstance(statistics, Mean)
    assert (statistics.sum[0], statistics.sum_squares[0]) == (3.0, 5.0)


def test_value_per_click_is_a_ratio_of_sums_by_visitor():
    sums = {"value_sum": Decimal(9), "value_sum_squares": Decimal(45)}
    counts = {"click_sum": 4, "click_sum_squares": 8, "value_click_product_sum": Decimal(15)}
    statistics = statistics_of_metric(
        Metric.VALUE_PER_CLICK, [ArmTotals(visitors=3, **sums, **counts)] * 2
    )
    assert isinstance(statistics, Ratio)
    assert (statistics.numerator_sum[0], statistics.numerator_sum_squares[0]) == (9, 45)
    assert (statistics.denominator_sum[0], statistics.denominator_sum_squares[0]) == (4, 8)
    assert statistics.product_sum[0] == 15


def test_several_conversions_of_a_visitor_count():
    counts = {"conversion_sum": 5, "conversion_sum_squares": 13, "converting_visitors": 2}
    total = ArmTotals(visitors=3, **counts)
    statistics = statistics_of_metric(Metric.CONVERSIONS_PER_VISITOR, [total] * 2)
    assert (statistics.sum[0], statistics.sum_squares[0]) == (5, 13)


def test_adjusted_statistics_carry_the_covariate():
    total = ArmTotals(
        visitors=2, clicking_visitors=1, covariate_sum=Decimal(1), covariate_sum_squares=Decimal(1)
    )
    experiment = Experiment(primary_metric=Metric.CLICK_RATE)
    assert adjusted_statistics_of(experiment, [total, total]).covariate_sum[0] == 1.0


def test_successes_of_values_are_undefined():
    assert successes_of(Experiment(primary_metric=Metric.VALUE_PER_VISITOR), TOTALS[0]) is None


@pytest.mark.parametrize(
    ("metric", "total", "enough"),
    [
        (Metric.CLICK_RATE, ArmTotals(visitors=100, clicking_visitors=20), True),
        (Metric.CLICK_RATE, ArmTotals(visitors=99, clicking_visitors=20), False),
        (Metric.CLICK_RATE, ArmTotals(visitors=100, clicking_visitors=19), False),
        (Metric.VALUE_PER_VISITOR, ArmTotals(visitors=100), True),
        (Metric.VALUE_PER_CLICK, ArmTotals(visitors=100, clicking_visitors=20), True),
        (Metric.VALUE_PER_CLICK, ArmTotals(visitors=100, converting_visitors=20), False),
        (Metric.CONVERSIONS_PER_VISITOR, ArmTotals(visitors=100, converting_visitors=20), True),
        (Metric.CONVERSIONS_PER_VISITOR, ArmTotals(visitors=100, conversion_sum=99), False),
    ],
)
def test_arm_is_enough_from_100_visitors_and_20_successes(metric, total, enough):
    assert is_enough(metric, total) is enough
