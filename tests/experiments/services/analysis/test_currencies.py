"""Values in several currencies, from events to the verdict."""

import pytest

from experiments.models import CurrencyRollup, Experiment, Guardrail, SecondaryMetric
from experiments.services.analysis.currencies import goal_currencies
from experiments.services.analysis.secondary_metrics import Missing
from experiments.services.operations.auto_rollback import alarm_of
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.reporting.report_json import report_as_json
from experiments.services.rollups.folding import fold_pending, rebuild_rollups
from tests import factories
from tests.experiments.services.counted_experiments import concluded
from tests.experiments.services.rollups.sending import MINUTE, send
from tests.factories import NOW, event_message

pytestmark = pytest.mark.on_both_databases
ARMS = ("control", "b")


@pytest.fixture
def sales(slot):
    """An experiment on the values of orders."""
    return factories.make_running_experiment(slot, primary_metric="value_per_visitor", goal="order")


def sell(*sold, goal="order", visitors=150):
    """Expose visitors, alike in both arms; the first ones of an arm buy (arm, value, currency)."""
    for arm in ARMS:
        names = [f"{arm}-{number}" for number in range(visitors)]
        send(*(event_message(visitor=name, variant=arm) for name in names))
    later = (NOW + MINUTE).isoformat()
    for number, (arm, value, currency) in enumerate(sold):
        order = {"goal": goal, "value": value, "currency": currency, "at": later}
        send(event_message("conversion", visitor=f"{arm}-{number // 2}", **order), now=NOW + MINUTE)
    fold_pending()


EUROS_AND_YEN = [
    (arm, value + number % 7, currency)
    for number in range(40)
    for arm, value, currency in (("control", 100, "EUR"), ("b", 15_000, "JPY"))
]


def test_two_currencies_give_no_verdict_and_are_named(sales):
    sell(*EUROS_AND_YEN)
    full = concluded(sales)
    assert full.verdict.status == "invalid"
    assert "“order”" in full.verdict.sentences[0]
    assert "EUR: 40, JPY: 40" in full.verdict.sentences[0]
    assert full.report.comparisons == ()
    assert [arm.rate for arm in full.report.arms] == [None, None]
    content = report_as_json(full)
    mixed = {"goal": "order", "conversions": {"EUR": 40, "JPY": 40}, "is_mixed": True}
    assert content["currencies"] == [mixed]


def test_one_currency_is_compared(sales):
    sell(*((arm, value, "EUR") for arm, value, _ in EUROS_AND_YEN))
    full = concluded(sales)
    assert full.report.comparisons[0].decisive.comparison.lift > 0
    assert report_as_json(full)["currencies"][0]["is_mixed"] is False


def test_values_without_a_currency_are_in_one_of_their_own(sales):
    sell(("b", 5, None), ("control", 5, None), ("b", None, "EUR"))
    assert not concluded(sales).report.currencies[0].is_mixed
    sell(("b", 5, "EUR"), ("control", 6, "EUR"), ("b", 7, "EUR"))
    sentence = concluded(sales).verdict.sentences[0]
    assert "EUR: 3, 2 conversions without a currency" in sentence


def test_rates_of_the_same_goal_are_compared(sales):
    Experiment.objects.update(primary_metric="conversion_rate")
    sell(*EUROS_AND_YEN)
    full = concluded(sales)
    assert not CurrencyRollup.objects.exists()
    assert (full.verdict.status, full.report.currencies) == ("keep_running", ())
    assert full.report.comparisons[0].decisive.comparison.lift == 0


def test_guardrail_in_two_currencies_has_no_bounds_and_rolls_nothing_back(slot):
    experiment = factories.make_running_experiment(slot)
    Guardrail.objects.create(experiment=experiment, metric="value_per_visitor", goal="order")
    sell(*((arm, value, {"EUR": "JPY", "JPY": "EUR"}[name]) for arm, value, name in EUROS_AND_YEN))
    full = concluded(experiment)
    (rail, _) = full.guardrails[0]
    assert (rail.lift, rail.bounds) == (None, None)
    assert full.verdict.status == "invalid"
    assert full.report.comparisons != ()
    assert alarm_of(experiment) is None


def test_currencies_are_exact_after_a_rebuild_and_an_erasure(sales):
    sell(*EUROS_AND_YEN)
    rebuild_rollups(experiment=sales)
    before = list(CurrencyRollup.objects.values_list("variant__key", "currency", "conversions"))
    assert sorted(before) == [("b", "JPY", 40), ("control", "EUR", 40)]
    for number in range(40):
        erase_visitor(site=sales.slot.site, visitor=f"b-{number}", now=NOW)
    assert [row.currency for row in CurrencyRollup.objects.all()] == ["EUR"]


def test_most_frequent_currency_comes_first():
    rows = [
        CurrencyRollup(goal="order", currency=currency, conversions=n)
        for currency, n in (("CHF", 1), ("EUR", 3), ("CHF", 1))
    ]
    (found,) = goal_currencies(rows)
    assert list(found.conversions.items()) == [("EUR", 3), ("CHF", 2)]


def test_page_names_the_currencies(sales, admin_client):
    sell(*EUROS_AND_YEN)
    page = admin_client.get(f"/admin/experiments/experiment/{sales.pk}/report/")
    assert "EUR: 40, JPY: 40" in page.content.decode()


def test_secondary_metric_in_two_currencies_is_not_read_and_takes_no_verdict_away(slot):
    experiment = factories.make_running_experiment(slot)
    metric = {"metric": "value_per_visitor", "goal": "order"}
    SecondaryMetric.objects.create(experiment=experiment, **metric)
    sell(*EUROS_AND_YEN)
    full = concluded(experiment)
    (reading,) = full.secondary
    assert (reading.missing, reading.means) == (Missing.SEVERAL_CURRENCIES, None)
    assert (reading.comparison, reading.p_value_adjusted) == (None, None)
    assert full.verdict.status == "keep_running"
