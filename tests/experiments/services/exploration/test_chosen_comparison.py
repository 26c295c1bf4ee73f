"""The comparison of a view against scipy, statsmodels and the report's own readings."""

from datetime import timedelta

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from experiments.models import GoalRollup, SecondaryMetric
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.analysis.secondary_metrics import secondary_readings
from experiments.services.exploration.chosen_comparison import chosen_comparison
from experiments.services.exploration.report_view import ViewRefusedError
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.experiments.services.documents.counted_metrics import PAST
from tests.factories import NOW

SHARES = {"control": "0.4", "b": "0.3", "c": "0.3"}
DAYS = [(NOW - timedelta(days=back)).date() for back in (3, 2, 1)]
# Visitors and clicks of each day, control first.
COUNTS = [
    ((4_000, 400), (3_000, 330), (3_000, 345)),
    ((4_100, 390), (2_900, 300), (3_050, 372)),
    ((3_900, 410), (3_100, 350), (2_950, 301)),
]


@pytest.fixture
def experiment(slot):
    row = factories.make_running_experiment(
        slot, shares=SHARES, started_at=NOW - timedelta(days=4), planned_visitors=60_000
    )
    for day, counts in zip(DAYS, COUNTS, strict=True):
        count(row, *counts, day=day)
    return row


def parts_of(experiment):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    counts = StoredCounts(row)
    return report_of(experiment=row, now=NOW, counts=counts), counts


def chosen(experiment, **query):
    names = {name.rstrip("_"): value for name, value in query.items()}
    return chosen_comparison(names, *parts_of(experiment))


def sums(arm, days):
    return np.array([COUNTS[day][arm] for day in days]).sum(axis=0)


@pytest.mark.parametrize(("arm", "index"), [("b", 1), ("c", 2)])
def test_view_of_the_reports_pair_has_its_raw_figures(experiment, arm, index):
    report, _ = parts_of(experiment)
    found, own = chosen(experiment, arm=arm), report.comparisons[index - 1]
    assert found.fixed.p_value == own.fixed.comparison.p_value
    assert found.fixed.lift == own.fixed.comparison.lift
    assert found.sequential.p_value == own.anytime.comparison.p_value
    assert found.sequential.effect == own.anytime.comparison.effect


def test_two_arms_of_which_none_is_the_control_agree_with_statsmodels(experiment):
    found = chosen(experiment, arm="c", against="b")
    (n_b, x_b), (n_c, x_c) = sums(1, range(3)), sums(2, range(3))
    _, p_value = proportions_ztest([x_c, x_b], [n_c, n_b])
    assert [(one.key, one.visitors, one.successes) for one in found.arms] == [
        ("b", n_b, x_b), ("c", n_c, x_c),
    ]  # fmt: skip
    assert found.fixed.p_value == pytest.approx(p_value, rel=1e-9)
    assert found.fixed.lift == pytest.approx((x_c / n_c) / (x_b / n_b) - 1, rel=1e-12)


def test_exchanged_arms_have_the_opposite_effect_and_the_same_p_values(experiment):
    one, other = (
        chosen(experiment, arm="c", against="b"), chosen(experiment, arm="b", against="c"),
    )  # fmt: skip
    for name in ("fixed", "sequential"):
        here, there = getattr(one, name), getattr(other, name)
        assert here.effect == pytest.approx(-there.effect)
        assert here.p_value == pytest.approx(there.p_value)
        assert here.effect_interval[0] == pytest.approx(-there.effect_interval[1])


def test_sequential_interval_is_the_wider_one(experiment):
    found = chosen(experiment, arm="c", against="b")
    fixed, sequential = found.fixed.effect_interval, found.sequential.effect_interval
    assert sequential[0] < fixed[0] < fixed[1] < sequential[1]
    assert found.sequential.p_value >= found.fixed.p_value


def test_span_counts_its_days_only_and_is_one_look(experiment):
    span = {"from_": DAYS[0].isoformat(), "to": DAYS[1].isoformat()}
    found = chosen(experiment, arm="b", **span)
    (n_0, x_0), (n_1, x_1) = sums(0, (0, 1)), sums(1, (0, 1))
    _, p_value = proportions_ztest([x_1, x_0], [n_1, n_0])
    assert [one.visitors for one in found.arms] == [n_0, n_1]
    assert found.fixed.p_value == pytest.approx(p_value, rel=1e-9)
    assert found.sequential is None
    assert found.view.has_span


def test_open_span_ends_with_the_last_day(experiment):
    found = chosen(experiment, from_=DAYS[2].isoformat())
    assert [one.visitors for one in found.arms] == [3_900, 3_100]


def test_segment_counts_its_visitors_only(experiment):
    count(experiment, (1_000, 90), (800, 100), (700, 50), day=DAYS[0], segment="device=mobile")
    count(experiment, (500, 40), (400, 30), (300, 20), day=DAYS[0], segment="device=desktop")
    found = chosen(experiment, arm="c", against="b", segment="device=mobile")
    _, p_value = proportions_ztest([50, 100], [700, 800])
    assert [(one.visitors, one.successes) for one in found.arms] == [(800, 100), (700, 50)]
    assert found.fixed.p_value == pytest.approx(p_value, rel=1e-9)
    assert found.sequential.p_value > found.fixed.p_value


def test_one_reading_is_what_was_asked_for(experiment):
    assert chosen(experiment, reading="fixed").sequential is None
    assert chosen(experiment, reading="sequential").fixed is None
    both = chosen(experiment, reading="both")
    assert both.fixed is not None
    assert both.sequential is not None


def test_further_goal_has_the_secondary_metrics_figures(experiment):
    SecondaryMetric.objects.create(experiment=experiment, metric="conversion_rate", goal="signup")
    for arm, signups in zip(experiment.variants.order_by("arm"), (200, 190, 150), strict=True):
        GoalRollup.objects.create(
            experiment=experiment, variant=arm, day=DAYS[0], goal="signup",
            converting_visitors=signups,
        )  # fmt: skip
    found = chosen(experiment, arm="b", metric="conversion_rate:signup")
    (n_0, _), (n_1, _) = sums(0, range(3)), sums(1, range(3))
    _, p_value = proportions_ztest([190, 200], [n_1, n_0])
    assert [one.mean for one in found.arms] == pytest.approx([200 / n_0, 190 / n_1])
    assert found.fixed.p_value == pytest.approx(p_value, rel=1e-9)
    report, counts = parts_of(experiment)
    own = secondary_readings(report, counts)[0]
    assert found.sequential.p_value == own.comparison.p_value


def test_means_of_values_agree_with_welch(slot):
    row = factories.make_running_experiment(
        slot, primary_metric="value_per_visitor", goal="order", shares=SHARES
    )
    rng = np.random.default_rng(20_261_129)
    values = [rng.gamma(2.0, scale, size=900).round(2) for scale in (10.0, 11.0, 10.5)]
    for arm, of_arm in zip(row.variants.order_by("arm"), values, strict=True):
        factories.make_rollup(
            arm, visitors=900, converting_visitors=900, value_sum=round(float(of_arm.sum()), 6),
            value_sum_squares=round(float((of_arm**2).sum()), 6),
        )  # fmt: skip
    found = chosen(row, arm="c", against="b")
    expected = stats.ttest_ind(values[2], values[1], equal_var=False)
    assert found.fixed.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.arms[0].successes is None


def test_cuped_on_and_off_differ_and_off_is_the_plain_test(slot):
    row = factories.make_running_experiment(slot, shares=SHARES)
    count(row, (4_000, 400), (3_000, 330), (3_000, 345), **PAST)
    on, off = chosen(row, cuped="on"), chosen(row, cuped="off")
    _, p_value = proportions_ztest([330, 400], [3_000, 4_000])
    assert (on.is_adjusted, off.is_adjusted) == (True, False)
    assert off.fixed.p_value == pytest.approx(p_value, rel=1e-9)
    assert on.fixed.p_value != off.fixed.p_value
    assert chosen(row).is_adjusted


def test_cuped_without_a_past_is_refused(experiment):
    with pytest.raises(ViewRefusedError) as refusal:
        chosen(experiment, cuped="on")
    assert list(refusal.value.faults) == ["cuped"]


def test_fixed_plan_is_read_until_its_end_unless_days_are_chosen(slot):
    row = factories.make_running_experiment(
        slot, shares=SHARES, plan="fixed", planned_visitors=20_000,
        started_at=NOW - timedelta(days=4),
    )  # fmt: skip
    for day, counts in zip(DAYS, COUNTS, strict=True):
        count(row, *counts, day=day)
    assert chosen(row).arms[0].visitors == 8_100
    assert chosen(row, from_=DAYS[0].isoformat()).arms[0].visitors == 12_000


def test_phases_of_other_shares_are_compared_within(slot):
    row = factories.make_running_experiment(slot, shares=SHARES)
    factories.make_phases(row, ([0.4, 0.3, 0.3], 1.0), ([0.2, 0.4, 0.4], 1.0))
    count(row, (4_000, 400), (3_000, 330), (3_000, 345), day=DAYS[0], phase=0)
    count(row, (2_000, 600), (4_000, 1_240), (4_000, 1_250), day=DAYS[1], phase=1)
    report, _ = parts_of(row)
    found = chosen(row, arm="c")
    assert found.fixed.p_value == report.comparisons[1].fixed.comparison.p_value
    # Mantel-Haenszel weights of the two arms' visitors in each phase.
    weights = np.array([3_000 * 3_000 / 6_000, 4_000 * 4_000 / 8_000])
    effects = np.array([345 / 3_000 - 330 / 3_000, 1_250 / 4_000 - 1_240 / 4_000])
    expected = float((weights * effects).sum() / weights.sum())
    assert chosen(row, arm="c", against="b").fixed.effect == pytest.approx(expected)


def test_view_without_visitors_has_reasons_and_no_numbers(slot):
    row = factories.make_running_experiment(slot, shares=SHARES)
    found = chosen(row, arm="c", against="b")
    assert found.fixed.p_value is None
    assert found.fixed.reason
    assert [one.mean for one in found.arms] == [None, None]
