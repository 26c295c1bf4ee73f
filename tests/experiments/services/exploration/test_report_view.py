"""Choices of a view: what they mean when left out, and refusals beside their fields."""

from datetime import date, timedelta

import pytest

from experiments.models import Guardrail, SecondaryMetric
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.exploration.report_view import (
    ViewRefusedError,
    is_chosen,
    parse_view,
    view_offer,
)
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW


@pytest.fixture
def experiment(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    row = factories.make_running_experiment(slot, shares=shares)
    count(row, (4_000, 400), (3_000, 330), (3_000, 300))
    count(row, (2_000, 200), (1_500, 150), (1_500, 180), segment="device=mobile")
    SecondaryMetric.objects.create(experiment=row, metric="conversion_rate", goal="signup")
    Guardrail.objects.create(experiment=row, metric="conversion_rate", goal="refund")
    return row


def offer_of(experiment):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    counts = StoredCounts(row)
    return view_offer(report_of(experiment=row, now=NOW, counts=counts), counts)


def test_view_offers_arms_metrics_segments_and_days(experiment):
    offer = offer_of(experiment)
    yesterday = NOW.date() - timedelta(days=1)
    assert [arm.key for arm in offer.arms] == ["control", "b", "c"]
    assert [metric.key for metric in offer.metrics] == [
        "click_rate", "conversion_rate:signup", "conversion_rate:refund",
    ]  # fmt: skip
    assert offer.segments == ("device=mobile",)
    assert offer.days == (yesterday, yesterday)


@pytest.mark.parametrize("name", ["first", "last", "Arm"])
def test_name_that_no_view_has_is_refused_with_the_known_ones(experiment, name):
    query = {"arm": "c", name: "2026-11-20"}
    assert is_chosen({name: "x"})
    with pytest.raises(ViewRefusedError) as refused:
        parse_view(query, offer_of(experiment))
    assert set(refused.value.faults) == {name}
    assert "arm, against, metric, segment, from, to, cuped, reading" in refused.value.faults[name]


def test_names_beside_the_view_are_none_of_it(experiment):
    query = {"format": "csv", "language": "fr", "utm_source": "mail", "first": "", "_": "1"}
    assert not is_chosen(query)
    assert parse_view(query, offer_of(experiment)).arm == 1


def test_left_out_choices_are_those_of_the_report(experiment):
    view = parse_view({"arm": "", "metric": ""}, offer_of(experiment))
    assert (view.arm, view.against, view.metric.key, view.segment) == (1, 0, "click_rate", "")
    assert (view.has_span, view.cuped, view.reading) == (False, None, "both")


def test_control_against_an_arm_is_a_view(experiment):
    view = parse_view({"arm": "control", "against": "c"}, offer_of(experiment))
    assert (view.arm, view.against) == (0, 2)
    # The first of the others where only the arm to compare with is chosen.
    assert parse_view({"against": "control"}, offer_of(experiment)).arm == 1
    assert parse_view({"against": "b"}, offer_of(experiment)).arm == 0


def test_all_choices_are_read(experiment):
    day = (NOW.date() - timedelta(days=1)).isoformat()
    query = {
        "arm": "c", "against": "b", "metric": "click_rate", "segment": "device=mobile",
        "from": day, "to": day, "cuped": "off", "reading": "fixed",
    }  # fmt: skip
    view = parse_view(query, offer_of(experiment))
    assert (view.arm, view.against, view.segment) == (2, 1, "device=mobile")
    assert view.first_day == view.last_day == date.fromisoformat(day)
    assert (view.cuped, view.reading, view.has_span) == (False, "fixed", True)


@pytest.mark.parametrize(
    ("query", "field", "text"),
    [
        ({"arm": "z"}, "arm", "Choose one of: control, b, c."),
        ({"against": "z"}, "against", "Choose one of: control, b, c."),
        ({"arm": "b", "against": "b"}, "against", "cannot be compared with itself"),
        ({"metric": "height"}, "metric", "Choose one of: click_rate, conversion_rate:signup"),
        ({"segment": "device=toaster"}, "segment", "Choose one of: device=mobile."),
        (
            {"segment": "device=mobile", "metric": "conversion_rate:signup"},
            "segment", "Only clicks and the primary goal",
        ),
        ({"from": "yesterday"}, "from", "Write a day as"),
        ({"to": "2026-13-40"}, "to", "Write a day as"),
        ({"from": "2024-05-02", "to": "2024-05-01"}, "to", "before the first"),
        ({"from": "2999-01-01"}, "from", "came from"),
        ({"to": "1999-01-01"}, "to", "came from"),
        ({"cuped": "perhaps"}, "cuped", "Choose one of: on, off."),
        ({"cuped": "on", "metric": "conversion_rate:signup"}, "cuped", "primary metric only"),
        ({"reading": "tea leaves"}, "reading", "Choose one of: both, fixed, sequential."),
        ({"reading": "sequential", "from": "2020-01-01"}, "reading", "one look"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_beside_its_field(experiment, query, field, text):
    with pytest.raises(ViewRefusedError) as refusal:
        parse_view(query, offer_of(experiment))
    assert list(refusal.value.faults) == [field]
    assert text in refusal.value.faults[field]


def test_all_faults_are_named_at_once(experiment):
    with pytest.raises(ViewRefusedError) as refusal:
        parse_view({"arm": "z", "segment": "x=y", "from": "x"}, offer_of(experiment))
    assert set(refusal.value.faults) == {"arm", "segment", "from"}


def test_fixed_plan_has_no_sequential_reading(slot):
    row = factories.make_running_experiment(slot, plan="fixed", planned_visitors=100_000)
    count(row, (4_000, 400), (4_000, 330))
    with pytest.raises(ViewRefusedError, match="fixed plan"):
        parse_view({"reading": "sequential"}, offer_of(row))


def test_draft_offers_nothing(draft):
    assert offer_of(draft) is None
    with pytest.raises(ViewRefusedError, match="compares nothing yet"):
        parse_view({"arm": "b"}, None)


def test_values_in_several_currencies_are_refused(slot):
    row = factories.make_running_experiment(slot, primary_metric="value_per_visitor", goal="order")
    count(row, (4_000, 400), (4_000, 330))
    variant = row.variants.get(arm=1)
    for currency in ("EUR", "USD"):
        row.currency_rollups.create(
            variant=variant, day=NOW.date(), goal="order", currency=currency, conversions=3
        )
    with pytest.raises(ViewRefusedError, match="several currencies"):
        parse_view({"arm": "b"}, offer_of(row))


def test_only_choices_of_the_view_count_as_chosen():
    assert not is_chosen({"format": "csv", "arm": ""})
    assert is_chosen({"segment": "device=mobile"})
