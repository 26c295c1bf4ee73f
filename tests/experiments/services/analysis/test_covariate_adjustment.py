"""CUPED on the page of an experiment: used when there is something to use, and told."""

from decimal import Decimal

import numpy as np
import pytest

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.analysis.covariate_adjustment import is_adjustable
from experiments.services.analysis.report import report_of
from experiments.services.rollups.arm_totals import ArmTotals
from tests import factories
from tests.factories import NOW

FIXED = {"plan": Experiment.Plan.FIXED, "planned_visitors": 4_000}


def reported(experiment):
    return report_of(experiment=reports.experiments_for_report().get(pk=experiment.pk), now=NOW)


def drawn(seed, *, n=2_000, effect=0.3, shift=0.0):
    """Values of an arm's visitors before and after, correlated 0.8."""
    rng = np.random.default_rng(seed)
    before = rng.normal(2 + shift, 1, n).round(3)
    return before, (1 + effect + 0.8 * before + 0.6 * rng.normal(0, 1, n)).round(3)


def fill(variant, before, after):
    """Store an arm's day as the fold would."""
    sums = {
        "value_sum": after.sum(),
        "value_sum_squares": after @ after,
        "covariate_sum": before.sum(),
        "covariate_sum_squares": before @ before,
        "covariate_product_sum": before @ after,
    }
    exact = {name: Decimal(f"{value:.6f}") for name, value in sums.items()}
    factories.make_rollup(variant, visitors=len(before), converting_visitors=len(before), **exact)


@pytest.fixture
def orders(slot):
    """A fixed experiment on values; nobody counted yet."""
    return factories.make_running_experiment(
        slot, primary_metric=Experiment.Metric.VALUE_PER_VISITOR, goal="order", **FIXED
    )


def filled(experiment, *, shift=0.0):
    control, arm = experiment.variants.order_by("arm")
    data = [drawn(1, effect=0.0), drawn(2, shift=shift)]
    fill(control, *data[0])
    fill(arm, *data[1])
    return data


def test_report_explains_the_variance_that_the_past_explains(orders):
    filled(orders)
    adjustment = reported(orders).adjustment
    # Correlation 0.8, so 0.64 of the variance.
    assert adjustment.variance_cut == pytest.approx(0.64, abs=0.03)
    assert not adjustment.balance.is_unbalanced


def test_report_adjusts_like_a_regression_on_the_past(orders):
    (x_a, y_a), (x_b, y_b) = filled(orders)
    row = reported(orders).comparisons[0]
    x, y = np.concatenate([x_a, x_b]), np.concatenate([y_a, y_b])
    slope = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
    expected = (y_b - slope * x_b).mean() - (y_a - slope * x_a).mean()
    assert row.fixed.comparison.effect == pytest.approx(expected, rel=1e-6)
    assert row.unadjusted.comparison.effect == pytest.approx(y_b.mean() - y_a.mean(), rel=1e-6)


def test_adjusted_interval_is_narrower_than_the_unadjusted(orders):
    filled(orders)
    row = reported(orders).comparisons[0]
    adjusted, raw = (
        np.diff(reading.comparison.effect_interval)[0] for reading in (row.decisive, row.unadjusted)
    )
    assert adjusted / raw == pytest.approx(np.sqrt(1 - 0.64), abs=0.03)


def test_report_warns_when_the_arms_differed_before(orders):
    filled(orders, shift=0.2)
    assert reported(orders).adjustment.balance.is_unbalanced


def test_rate_with_a_past_is_adjusted_at_every_look(running_experiment):
    for variant, clicks in zip(
        running_experiment.variants.order_by("arm"), (300, 380), strict=True
    ):
        past = {"covariate_sum": 400, "covariate_sum_squares": 400, "covariate_product_sum": 150}
        factories.make_rollup(variant, visitors=2_000, clicks=clicks, **past)
    row = reported(running_experiment).comparisons[0]
    assert row.anytime.comparison.p_value < row.unadjusted.comparison.p_value
    assert row.anytime.comparison.effect == pytest.approx(0.04)


def test_report_without_a_past_is_not_adjusted(running_experiment):
    for variant in running_experiment.variants.all():
        factories.make_rollup(variant, visitors=2_000, clicks=300)
    report = reported(running_experiment)
    assert report.adjustment is None
    assert report.comparisons[0].unadjusted is None


@pytest.mark.parametrize(("seen", "expected"), [(19, False), (20, True)])
def test_adjustment_needs_twenty_visitors_with_a_past_in_each_arm(seen, expected):
    sums = ({"covariate_sum": n, "covariate_sum_squares": n} for n in (seen, 500))
    totals = [ArmTotals(visitors=1_000, **one) for one in sums]
    assert is_adjustable(totals) is expected


def test_adjustment_needs_a_past_that_differs():
    everybody = ArmTotals(visitors=50, covariate_sum=Decimal(50), covariate_sum_squares=Decimal(50))
    assert not is_adjustable([everybody, everybody])


def test_one_rich_visitor_is_no_past_of_an_arm():
    rich = ArmTotals(
        visitors=50, covariate_sum=Decimal(1_049), covariate_sum_squares=Decimal(1_000_049)
    )
    assert not is_adjustable([rich, rich])
