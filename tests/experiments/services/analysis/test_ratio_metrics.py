"""Value per click and conversions per visitor: figures, floors and guarantees."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from experiments.models import (
    CurrencyRollup,
    Experiment,
    GoalRollup,
    Guardrail,
    SecondaryMetric,
)
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.analysis.secondary_metrics import Missing, secondary_readings
from experiments.services.insights.draft_planning import slot_plans
from tests import factories
from tests.experiments.services.counted_experiments import concluded, reported
from tests.factories import NOW

PER_CLICK, PER_VISITOR = "value_per_click", "conversions_per_visitor"
FIXED = {"plan": Experiment.Plan.FIXED, "planned_visitors": 4_000}
DAY = timedelta(days=1)


def drawn(seed, *, n=2_000, lift=0.0, click=0.4):
    """Clicks, orders and values of an arm's visitors, and what they spent before."""
    rng = np.random.default_rng(seed)
    habit = rng.gamma(2.0, 0.5, n)
    clicks = rng.binomial(1, click, n) * rng.geometric(0.6, n)
    orders = np.where(clicks > 0, rng.poisson(0.5 * habit), 0)
    values = (orders * habit * rng.lognormal(2, 0.5, n) * (1 + lift)).round(2)
    before = (habit * rng.lognormal(2, 0.5, n)).round(2)
    return clicks, orders, values, before


def sums_of(clicks, orders, values, before=None):
    """The sums of these visitors, as the fold would store them."""
    before = np.zeros(len(clicks)) if before is None else before
    sums = {
        "value_sum": values.sum(),
        "value_sum_squares": values @ values,
        "value_click_product_sum": values @ clicks,
        "covariate_sum": before.sum(),
        "covariate_sum_squares": before @ before,
        "covariate_product_sum": before @ values,
        "covariate_click_product_sum": before @ clicks,
    }
    return {name: Decimal(f"{value:.6f}") for name, value in sums.items()} | {
        "click_sum": int(clicks.sum()),
        "click_sum_squares": int(clicks @ clicks),
        "conversion_sum": int(orders.sum()),
        "conversion_sum_squares": int(orders @ orders),
        "converting_visitors": int((orders > 0).sum()),
    }


def fill(variant, clicks, *rest, **changes):
    """Store an arm's day."""
    sums = sums_of(clicks, *rest)
    factories.make_rollup(
        variant, visitors=len(clicks), clicks=int((clicks > 0).sum()), **(sums | changes)
    )


def make(slot, metric, key="test", **changes):
    values = FIXED | {"primary_metric": metric, "goal": "order"} | changes
    return factories.make_running_experiment(slot, key, **values)


def filled(slot, metric, *arms, **changes):
    """A fixed experiment on a metric; each arm with its draws."""
    experiment = make(slot, metric, **changes)
    for variant, draws in zip(experiment.variants.order_by("arm"), arms, strict=True):
        fill(variant, *draws)
    return experiment


def test_value_per_click_is_a_regression_on_clicks_with_robust_errors(slot):
    """A weighted regression of values on the arm, its errors robust by visitor, is the same."""
    control, arm = drawn(1)[:3], drawn(2, lift=0.2)[:3]
    row = reported(filled(slot, PER_CLICK, control, arm)).comparisons[0].fixed.comparison
    clicks, values = (np.concatenate([control[at], arm[at]]) for at in (0, 2))
    is_arm = np.repeat([0.0, 1.0], 2_000)
    seen = clicks > 0
    fit = sm.WLS(
        values[seen] / clicks[seen], sm.add_constant(is_arm[seen]), weights=clicks[seen]
    ).fit(cov_type="HC0")
    assert row.effect == pytest.approx(fit.params[1], rel=1e-9)
    low, high = row.effect_interval
    assert (high - low) / 2 == pytest.approx(1.9605 * fit.bse[1], rel=1e-3)
    assert row.p_value == pytest.approx(2 * stats.norm.sf(abs(fit.tvalues[1])), rel=5e-3)


def test_value_per_click_has_the_interval_of_a_bootstrap_of_visitors(slot):
    control, arm = drawn(3)[:3], drawn(4, lift=0.3)[:3]
    row = reported(filled(slot, PER_CLICK, control, arm)).comparisons[0].fixed.comparison
    rng = np.random.default_rng(20_261_128)

    def lifts(times=4_000):
        picks = [rng.integers(0, 2_000, (times, 2_000)) for _ in range(2)]
        ratios = [
            part[2][pick].sum(axis=1) / part[0][pick].sum(axis=1)
            for part, pick in zip((control, arm), picks, strict=True)
        ]
        return ratios[1] / ratios[0] - 1

    width = np.diff(row.lift_interval)[0]
    low, high = np.quantile(lifts(), [0.025, 0.975])
    assert row.lift_interval == pytest.approx((low, high), abs=0.1 * width)


def test_conversions_per_visitor_are_compared_by_welchs_test(slot):
    control, arm = drawn(5)[:3], drawn(6)[:3]
    report = reported(filled(slot, PER_VISITOR, control, arm))
    row = report.comparisons[0].fixed.comparison
    expected = stats.ttest_ind(arm[1], control[1], equal_var=False)
    assert row.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert row.effect_interval == pytest.approx(tuple(expected.confidence_interval()), rel=1e-9)
    assert [one.rate for one in report.arms] == pytest.approx([control[1].mean(), arm[1].mean()])
    assert report.arms[0].all_conversions == control[1].sum() > report.arms[0].conversions


@pytest.mark.parametrize("metric", [PER_CLICK, PER_VISITOR])
def test_report_says_the_metric_of_each_arm(slot, metric, admin_client):
    control, arm = drawn(5)[:3], drawn(6)[:3]
    experiment = filled(slot, metric, control, arm)
    report = reported(experiment)
    clicks, orders, values = control
    mean = values.sum() / clicks.sum() if metric == PER_CLICK else orders.mean()
    assert report.arms[0].rate == pytest.approx(mean)
    assert (report.arms[0].all_clicks, report.arms[0].successes) == (clicks.sum(), None)
    assert report.omnibus.p_value is not None
    page = admin_client.get(f"/admin/experiments/experiment/{experiment.pk}/report/")
    text = page.content.decode()
    assert experiment.get_primary_metric_display() in text
    assert f"{mean:.3f}" in text


def test_past_of_the_visitors_sharpens_a_value_per_click(slot):
    """As a regression of the visitors' linearised values on what they spent before."""
    control, arm = drawn(7), drawn(8, lift=0.2)
    report = reported(filled(slot, PER_CLICK, control, arm))
    row, plain = report.comparisons[0].fixed.comparison, report.comparisons[0].unadjusted.comparison
    everybody = [np.concatenate(pair) for pair in zip(control, arm, strict=True)]
    ratio = everybody[2].sum() / everybody[0].sum()
    scores = (everybody[2] - ratio * everybody[0]) / everybody[0].mean()
    slope = np.cov(scores, everybody[3])[0, 1] / everybody[3].var(ddof=1)
    shift = slope * (arm[3].mean() - control[3].mean())
    assert row.effect == pytest.approx(plain.effect - shift, rel=1e-6)
    assert np.diff(row.effect_interval) < np.diff(plain.effect_interval)
    assert report.adjustment.variance_cut > 0.02


NOBODY = np.zeros(2_000, dtype=int)


@pytest.mark.parametrize("plan", [FIXED, {"plan": "sequential", "planned_visitors": 4_000}])
def test_arm_without_clicks_has_no_value_per_click_and_a_reason(slot, plan):
    clicks, orders, values, _ = drawn(9)
    nothing = NOBODY, orders, values
    for position, arms in enumerate(
        ((nothing, (clicks, orders, values)), ((clicks, orders, values), nothing))
    ):
        other = factories.make_slot(slot.site, f"slot-{position}")
        experiment = filled(other, PER_CLICK, *arms, key=f"none-{position}", **plan)
        report = reported(experiment)
        row = report.comparisons[0].decisive
        assert (row.comparison.effect, row.comparison.p_value) == (None, None)
        assert row.p_value_adjusted is None
        assert row.comparison.reason.code == "zero_denominator"
        assert report.arms[position].rate is None
        assert concluded(experiment).verdict.status not in ("ship", "keep_control", "equivalent")


def test_clicks_of_few_visitors_are_no_sequential_result(slot):
    clicks, orders, values = (part.copy() for part in drawn(10)[:3])
    clicks[19:] = 0  # Nineteen visitors at most, whatever they clicked.
    arms = (clicks, orders, values), drawn(11)[:3]
    experiment = filled(slot, PER_CLICK, *arms, plan="sequential")
    row = reported(experiment).comparisons[0].anytime
    assert (row.comparison.p_value, row.comparison.reason.code) == (None, "few_in_denominator")
    verdict = concluded(experiment).verdict
    assert verdict.status not in ("ship", "keep_control")


def test_values_in_several_currencies_are_no_value_per_click(slot):
    experiment = filled(slot, PER_CLICK, drawn(1)[:3], drawn(2, lift=0.5)[:3])
    for currency in ("EUR", "CHF"):
        CurrencyRollup.objects.create(
            experiment=experiment,
            variant=experiment.variants.get(arm=0),
            day=NOW.date() - DAY,
            goal="order",
            currency=currency,
            conversions=5,
        )
    report = reported(experiment)
    assert (report.comparisons, report.arms[0].rate) == ((), None)
    assert "CHF" in " ".join(concluded(experiment).verdict.sentences)
    Experiment.objects.update(primary_metric=PER_VISITOR)
    assert reported(experiment).comparisons  # A number of orders has no currency.


@pytest.mark.parametrize("values", [np.zeros(2_000), np.full(2_000, -5.0)])
def test_values_that_are_missing_or_refunds_are_no_winner(slot, values):
    """All values missing: nothing varies. Refunds alone: the arms are alike."""
    rng = np.random.default_rng(1)
    arms = []
    for _ in range(2):
        clicks = rng.binomial(1, 0.3, 2_000)
        arms.append((clicks, clicks, values * clicks))
    experiment = filled(slot, PER_CLICK, *arms)
    row = reported(experiment).comparisons[0].decisive
    assert (row.comparison.p_value, row.comparison.reason.code) == (None, "no_variance")
    full = concluded(experiment)
    assert (full.decision.winner, full.verdict.status) != (1, "ship")
    assert "cannot be compared" in full.verdict.sentences[0]


def goal_rollup(variant, clicks, orders, values):
    sums = sums_of(clicks, orders, values)
    names = ("value_sum", "value_sum_squares", "value_click_product_sum")
    names += ("conversion_sum", "conversion_sum_squares", "converting_visitors")
    GoalRollup.objects.create(
        experiment=variant.experiment,
        variant=variant,
        day=NOW.date() - DAY,
        goal="order",
        **{name: sums[name] for name in names},
    )


@pytest.fixture
def clicks_with_orders(slot):
    """Makes an experiment on clicks whose goal `order` is counted beside them."""

    def make_one(control, arm, **changes):
        experiment = make(slot, "click_rate", goal="", **changes)
        for variant, draws in zip(experiment.variants.order_by("arm"), (control, arm), strict=True):
            names = ("click_sum", "click_sum_squares")
            sums = {name: value for name, value in sums_of(*draws).items() if name in names}
            clicks = draws[0]
            clicking = int((clicks > 0).sum())
            factories.make_rollup(variant, visitors=len(clicks), clicks=clicking, **sums)
            goal_rollup(variant, *draws)
        return experiment

    return make_one


@pytest.mark.parametrize("metric", [PER_CLICK, PER_VISITOR])
def test_secondary_metric_reads_what_a_primary_one_does(slot, clicks_with_orders, metric):
    arms = drawn(1)[:3], drawn(2, lift=0.2)[:3]
    experiment = clicks_with_orders(*arms)
    SecondaryMetric.objects.create(experiment=experiment, metric=metric, goal="order")
    report = reported(experiment)
    (reading,) = secondary_readings(report, StoredCounts(experiment))
    other = factories.make_slot(slot.site, "other")
    primary = reported(filled(other, metric, *arms, key="primary"))
    expected = primary.comparisons[0].fixed.comparison
    assert reading.comparison.p_value == pytest.approx(expected.p_value)
    assert reading.comparison.lift_interval == pytest.approx(expected.lift_interval)
    assert reading.means == pytest.approx([arm.rate for arm in primary.arms])


def test_secondary_value_per_click_waits_for_clicks(clicks_with_orders):
    few = drawn(1, click=0.005)[:3]
    experiment = clicks_with_orders(few, drawn(2)[:3])
    SecondaryMetric.objects.create(experiment=experiment, metric=PER_CLICK, goal="order")
    (reading,) = secondary_readings(reported(experiment), StoredCounts(experiment))
    assert (reading.missing, reading.comparison) == (Missing.TOO_FEW, None)


@pytest.mark.parametrize("metric", [PER_CLICK, PER_VISITOR])
def test_guardrail_shows_harm_and_holds(clicks_with_orders, metric):
    harmed = drawn(2, lift=-0.6)[:3] if metric == PER_CLICK else drawn(2, click=0.2)[:3]
    experiment = clicks_with_orders(drawn(1)[:3], harmed)
    Guardrail.objects.create(experiment=experiment, metric=metric, goal="order", margin=0.1)
    (reading,) = reported(experiment).guardrails
    assert reading.bounds[1] < -0.1
    GoalRollup.objects.all().delete()
    for variant, draws in zip(
        experiment.variants.order_by("arm"), (drawn(1), drawn(1)), strict=True
    ):
        goal_rollup(variant, *draws[:3])
    (reading,) = reported(experiment).guardrails
    assert reading.bounds[0] < 0 < reading.bounds[1]


def test_fewer_clicks_are_no_lower_value_per_click(clicks_with_orders):
    """The split of few clicks between the arms says nothing of what a click is worth."""
    experiment = clicks_with_orders(drawn(1)[:3], drawn(2, click=0.005)[:3])
    Guardrail.objects.create(experiment=experiment, metric=PER_CLICK, goal="order", margin=0.1)
    (reading,) = reported(experiment).guardrails
    assert reading.bounds == (-np.inf, np.inf)
    assert not reading.is_of_successes


@pytest.mark.parametrize("metric", [PER_CLICK, PER_VISITOR])
def test_draft_is_planned_with_the_variance_of_its_own_metric(slot, metric):
    """From whatever was tested on the slot before, as long as it counted the goal."""
    control, arm = drawn(1)[:3], drawn(2)[:3]
    filled(slot, "conversion_rate", control, arm, key="past")
    draft = factories.make_experiment(slot, "next", primary_metric=metric, goal="order")
    plans = slot_plans(draft, now=NOW)
    clicks, orders, values = (np.concatenate(pair) for pair in zip(control, arm, strict=True))
    ratio = values.sum() / clicks.sum()
    scores = (values - ratio * clicks) / clicks.mean() if metric == PER_CLICK else orders
    base = ratio if metric == PER_CLICK else orders.mean()
    assert plans.history.base == pytest.approx(base)
    assert plans.history.variance == pytest.approx(scores.var(ddof=1), rel=1e-6)
    line = next(line for line in plans.lines if (line.plan, line.n_arms) == ("fixed", 2))
    # Two equal arms; a lift of 10 %, power 80 %, two-sided 5 %.
    needed = 4 * (1.959964 + 0.841621) ** 2 * scores.var(ddof=1) / (0.1 * base) ** 2
    assert line.visitors == pytest.approx(needed, rel=0.01)
