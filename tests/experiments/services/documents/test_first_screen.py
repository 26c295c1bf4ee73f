import re

import pytest
from django.utils import translation

from experiments.models import CacheWatch, CurrencyRollup, Experiment
from experiments.selectors import reports
from experiments.services.documents.first_screen import first_screen
from experiments.services.reporting.full_report import full_report
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
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


def test_winner_is_given_with_the_lift_to_expect_of_it(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    screen = screen_of(running_experiment)
    (lift,) = concluded(running_experiment).insights.lifts
    assert screen.expected.exact == f"{lift.expected.estimate:+.3%}"
    assert 0 < lift.expected.estimate < 0.4


def test_arm_that_has_not_won_has_no_corrected_lift(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 410))
    assert screen_of(running_experiment).expected is None


def test_data_that_cannot_be_trusted_promise_nothing(running_experiment):
    count(running_experiment, (10_000, 500), (5_000, 400))
    screen = screen_of(running_experiment)
    assert (screen.is_trusted, screen.is_proven, screen.how_sure) == (False, None, "")
    assert (screen.per_thousand, screen.per_month, screen.p_value, screen.expected) == (None,) * 4
    assert screen.lift.text == "+60%"


def test_frozen_arm_is_not_trusted_either(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    arm = running_experiment.variants.get(arm=1)
    CacheWatch.objects.create(
        experiment=running_experiment, checked_until=NOW, alarmed_at=NOW, arm=arm
    )
    screen = screen_of(running_experiment)
    assert (screen.is_trusted, screen.is_proven, screen.per_month) == (False, None, None)


@pytest.mark.parametrize(("language", "name"), [("en", "Urgency"), ("fr", "Urgence")])
def test_wording_names_the_principles_that_it_counts_as(running_experiment, language, name):
    texts = ("Start with 3 steps", "Start today with 3 steps")
    for variant, text in zip(running_experiment.variants.all(), texts, strict=True):
        variant.cta.wordings.update(text=text, locale="en")
    with translation.override(language):
        control, other = screen_of(running_experiment).arms
    assert (control.principles, other.principles) == ((), (("urgency", name),))


def test_interval_of_the_gain_is_that_of_the_lift_at_the_rate_of_the_control(running_experiment):
    """That of the difference reaches to 100 clicks fewer, of 69."""
    count(running_experiment, (393, 27), (405, 22))
    screen = screen_of(running_experiment)
    exact = screen.per_thousand.interval.exact.replace("\u2212", "-")
    low, high = (float(end) for end in exact.split(" to "))
    assert -1_000 * 27 / 393 < low < 0 < high
    lifts = re.findall(r"[-+][\d.]+", screen.lift_interval.exact.replace("\u2212", "-"))
    assert [low, high] == pytest.approx([float(end) * 270 / 393 for end in lifts], abs=0.05)


def test_gain_of_an_equal_arm_cannot_lose_more_than_the_control_has(running_experiment):
    count(running_experiment, (400, 20), (400, 20))
    exact = screen_of(running_experiment).per_thousand.interval.exact.replace("\u2212", "-")
    assert float(exact.split(" to ")[0]) > -1_000 * 20 / 400


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
