import pytest
from django.utils import translation

from experiments.models import CurrencyRollup, Experiment
from experiments.selectors import reports
from experiments.services.documents.first_screen import first_screen
from experiments.services.reporting.full_report import full_report
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW


def screen_of(experiment):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    return first_screen(full_report(experiment=row, now=NOW))


def test_winner_is_featured_with_what_it_brings(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    screen = screen_of(running_experiment)
    assert screen.featured.key == "b"
    assert screen.sentence == (
        "Click rate of “hero-test b”: 7.0%, against 5.0% of “hero-test control”."
    )
    assert (screen.lift.text, screen.lift.exact) == ("+40%", "+40.000%")
    assert screen.per_thousand.amount.text == "+20 clicks per 1,000 visitors"
    assert screen.per_thousand.amount.exact == "20.0000"
    assert screen.p_value.text == "< 0.0001"
    assert screen.is_proven is True
    sure = "fewer than 0.01% of tests would show a difference as large as this, at any look."
    assert sure in screen.how_sure
    assert [card.rate.text for card in screen.arms] == ["5.0%", "7.0%"]
    assert [card.is_featured for card in screen.arms] == [False, True]


def test_month_is_thirty_days_of_the_traffic_of_the_test(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    screen = screen_of(running_experiment)
    # 20,000 visitors in the six whole days since the first; 2 points more.
    assert screen.traffic.exact == "3333.3"
    assert screen.per_month.amount.text == "+2,000 clicks a month"


def test_best_arm_is_featured_where_none_has_won(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    experiment = factories.make_running_experiment(slot, "three", shares=shares)
    count(experiment, (4_000, 400), (3_000, 290), (3_000, 320))
    screen = screen_of(experiment)
    assert (screen.featured.key, screen.is_proven) == ("c", False)
    assert "It counts as proven from p = 0.05 downwards." in screen.how_sure


def test_values_are_money(slot):
    experiment = factories.make_running_experiment(
        slot, "money", primary_metric=Experiment.Metric.VALUE_PER_VISITOR, goal="sale"
    )
    for arm, total in zip(experiment.variants.order_by("arm"), (4_000, 5_000), strict=True):
        factories.make_rollup(
            arm, visitors=2_000, clicks=200, converting_visitors=100,
            value_sum=total, value_sum_squares=total * 50, conversion_sum=100,
            conversion_sum_squares=100,
        )  # fmt: skip
        CurrencyRollup.objects.create(
            experiment=experiment, variant=arm, day=NOW.date(), goal="sale", currency="EUR",
            conversions=100,
        )  # fmt: skip
    screen = screen_of(experiment)
    assert [card.rate.text for card in screen.arms] == ["2.0 EUR", "2.5 EUR"]
    assert screen.per_thousand.amount.text == "+500 EUR in value per 1,000 visitors"


def test_mismatch_proves_nothing(running_experiment):
    count(running_experiment, (10_000, 500), (8_000, 700))
    screen = screen_of(running_experiment)
    assert (screen.is_proven, screen.is_clean) == (None, False)


def test_fixed_plan_proves_nothing_before_its_end(slot):
    experiment = factories.make_running_experiment(
        slot, "fixed", plan=Experiment.Plan.FIXED, planned_visitors=100_000
    )
    count(experiment, (10_000, 500), (10_000, 700))
    screen = screen_of(experiment)
    assert screen.is_proven is False
    assert "at the one planned look" in screen.how_sure


@pytest.mark.parametrize("shares", [{"control": "1"}, None])
def test_nothing_is_featured_before_visitors_came(slot, shares):
    experiment = factories.make_running_experiment(slot, "empty", shares=shares)
    screen = screen_of(experiment)
    assert (screen.lift, screen.per_month, screen.sentence) == (None, None, "")
    assert screen.arms[0].rate.text == "-"


def test_first_screen_speaks_french(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    with translation.override("fr"):
        screen = screen_of(running_experiment)
    assert screen.sentence == (
        "Taux de clic de «\u00a0hero-test b\u00a0»\u00a0: 7,0\u00a0%, "
        "contre 5,0\u00a0% pour «\u00a0hero-test control\u00a0»."
    )
