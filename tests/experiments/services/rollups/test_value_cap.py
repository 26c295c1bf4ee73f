from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from experiments.models import CurrencyRollup, Experiment, Rollup, VisitorOutcome
from experiments.services.rollups.folding import fold_pending
from experiments.services.rollups.value_cap import SuggestedCap, capped, suggested_cap
from tests import factories
from tests.experiments.services.rollups.sending import DAY, send
from tests.factories import NOW, event_message

VALUES = {"primary_metric": "value_per_visitor", "goal": "order"}


def test_value_counts_up_to_the_cap():
    experiment = Experiment(value_cap=Decimal(500))
    values = [Decimal(-20), Decimal(500), Decimal("500.01"), Decimal(9_000)]
    assert [capped(experiment, value) for value in values] == [-20, 500, 500, 500]
    assert capped(Experiment(), Decimal(9_000)) == 9_000


def test_total_of_a_visitor_is_capped_not_each_conversion(slot):
    experiment = factories.make_running_experiment(slot, value_cap=500, **VALUES)
    send(event_message(), *(event_message("conversion", goal="order", value=300) for _ in range(2)))
    send(event_message("conversion", goal="order", value=700, at=(NOW - DAY).isoformat()))
    fold_pending()
    row = Rollup.objects.get(experiment=experiment)
    assert (row.value_sum, row.value_sum_squares, row.capped_visitors) == (500, 250_000, 1)
    # So is what was paid before; the outcome itself keeps what was paid.
    assert (row.covariate_sum, row.covariate_product_sum) == (500, 250_000)
    assert VisitorOutcome.objects.get().value == 600


@pytest.mark.parametrize(
    "wrong",
    [
        VALUES | {"value_cap": 0},
        VALUES | {"value_cap": -5},
        {"primary_metric": "click_rate", "value_cap": 5},
        {"primary_metric": "conversions_per_visitor", "goal": "order", "value_cap": 5},
    ],
)
def test_cap_that_fits_no_values_is_refused(slot, wrong):
    with pytest.raises(IntegrityError, match="value_cap_fits"), transaction.atomic():
        factories.make_experiment(slot, **wrong)


@pytest.fixture
def draft(slot):
    return factories.make_experiment(slot, "next", **VALUES)


def past(slot, key, values, **changes):
    """An experiment that ended, whose visitors were worth these values."""
    other = factories.make_slot(slot.site, f"slot-{key}")
    experiment = factories.make_running_experiment(other, key, **(VALUES | changes))
    VisitorOutcome.objects.bulk_create(
        VisitorOutcome(
            experiment=experiment,
            visitor=f"v-{number}",
            variant=experiment.variants.first(),
            day=NOW.date(),
            has_clicked=False,
            has_converted=True,
            value=value,
        )
        for number, value in enumerate(values)
    )
    return experiment


def test_suggestion_is_the_percentile_of_past_values(slot, draft):
    past(slot, "old", [Decimal(number) / 8 for number in range(1, 2_001)])
    # 99.9 % of 2,000 are 1,998 values: 249.75.
    expected = SuggestedCap(cap=Decimal("249.75"), experiment="old", visitors=2_000)
    assert suggested_cap(draft) == expected


def test_newest_experiment_with_enough_values_suggests(slot, draft):
    past(slot, "old", range(1, 201), started_at=NOW - timedelta(days=9))
    past(slot, "few", range(1, 100), started_at=NOW - timedelta(days=2))
    assert suggested_cap(draft).experiment == "old"


@pytest.mark.parametrize("n", [0, 99])
def test_few_values_suggest_nothing(slot, draft, n):
    past(slot, "old", [*range(1, n + 1), *[0] * 500])
    assert suggested_cap(draft) is None


def test_values_in_several_currencies_suggest_nothing(slot, draft):
    experiment = past(slot, "old", range(1, 201))
    for currency in ("EUR", "CHF"):
        CurrencyRollup.objects.create(
            experiment=experiment,
            variant=experiment.variants.first(),
            day=NOW.date(),
            goal="order",
            currency=currency,
            conversions=1,
        )
    assert suggested_cap(draft) is None


def test_only_a_draft_on_values_gets_a_suggestion(slot, draft):
    past(slot, "old", range(1, 201))
    draft.primary_metric = "conversion_rate"
    assert suggested_cap(draft) is None
    assert suggested_cap(past(slot, "own", [])) is None
    draft.primary_metric, draft.goal = "value_per_click", "other"
    assert suggested_cap(draft) is None
