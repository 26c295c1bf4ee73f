"""The cap of values in the draft's form, on the report and in its JSON."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import translation

from experiments.models import CurrencyRollup, Experiment, VisitorOutcome
from tests import factories
from tests.experiments.admin.test_experiments import experiment_form, report_url
from tests.factories import NOW

VALUES = {"primary_metric": "value_per_visitor", "goal": "order"}


def change_url(experiment):
    return reverse("admin:experiments_experiment_change", args=[experiment.pk])


def post_new(client, slot, **values):
    form = experiment_form(slot, **values)
    url = reverse("admin:experiments_experiment_add")
    return client.post(url, form, follow=True).content.decode()


def test_draft_takes_a_cap(admin_client, slot):
    post_new(admin_client, slot, **VALUES, value_cap="500")
    assert Experiment.objects.get(key="new").value_cap == 500


@pytest.mark.parametrize("cap", ["0", "-5", "joy"])
def test_cap_that_is_none_is_refused(admin_client, slot, cap):
    page = post_new(admin_client, slot, **VALUES, value_cap=cap)
    assert ("A cap is above 0" in page) or ("Enter a number" in page)
    assert not Experiment.objects.exists()


def test_cap_of_a_rate_is_refused(admin_client, slot):
    page = post_new(admin_client, slot, value_cap="500")
    assert "A cap is above 0, and for metrics of values only." in page
    assert not Experiment.objects.exists()


def test_cap_is_locked_after_the_start(admin_client, slot):
    experiment = factories.make_running_experiment(slot, value_cap=500, **VALUES)
    form = experiment_form(slot, **VALUES, value_cap="9")
    assert admin_client.post(change_url(experiment), form).status_code == 403
    experiment.refresh_from_db()
    assert experiment.value_cap == 500


def test_form_of_a_draft_says_what_past_values_suggest(admin_client, slot):
    past = factories.make_running_experiment(slot, "past", **VALUES)
    VisitorOutcome.objects.bulk_create(
        VisitorOutcome(
            experiment=past,
            visitor=f"v-{number}",
            variant=past.variants.first(),
            day=NOW.date(),
            has_clicked=False,
            has_converted=True,
            value=Decimal(number) / 2,
        )
        for number in range(1, 2_001)
    )
    draft = factories.make_experiment(slot, "next", **VALUES)
    page = admin_client.get(change_url(draft)).content.decode()
    assert "Of the 2,000 visitors with a value in “past”, 99.9% were worth at most 999.00." in page
    answer = admin_client.get("/api/v1/experiments/next/readiness/").json()
    assert answer["suggested_value_cap"] == 999
    with translation.override("fr"):
        page = admin_client.get(change_url(draft), headers={"accept-language": "fr"})
    assert "valaient au plus 999,00" in page.content.decode()
    # Elsewhere the form is as it was: the hint is of this draft.
    other = factories.make_experiment(slot, "other")
    assert "999" not in admin_client.get(change_url(other)).content.decode()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Values of a visitor above 500.00 EUR count as 500.00 EUR: 12 visitors."),
        ("fr", "au-delà de 500,00 EUR compte pour 500,00 EUR\u00a0: 12 visiteurs."),
    ],
)
def test_report_says_how_many_were_above_the_cap(admin_client, slot, language, said):
    experiment = factories.make_running_experiment(slot, value_cap=500, **VALUES)
    for variant, n in zip(experiment.variants.all(), (5, 7), strict=True):
        sums = {"value_sum": Decimal(9_000), "value_sum_squares": Decimal(900_000)}
        factories.make_rollup(variant, visitors=2_000, capped_visitors=n, **sums)
        CurrencyRollup.objects.create(
            experiment=experiment,
            variant=variant,
            day=NOW.date(),
            goal="order",
            currency="EUR",
            conversions=90,
        )
    page = admin_client.get(report_url(experiment), headers={"accept-language": language})
    assert said in page.content.decode()
    answer = admin_client.get(f"/api/v1/experiments/{experiment.key}/report/").json()
    assert (answer["value_cap"], [arm["capped_visitors"] for arm in answer["arms"]]) == (
        500,
        [5, 7],
    )
    assert admin_client.get(f"/api/v1/experiments/{experiment.key}/").json()["value_cap"] == 500


def test_report_without_a_cap_says_nothing_of_it(admin_client, slot):
    experiment = factories.make_running_experiment(slot, **VALUES)
    assert "count as" not in admin_client.get(report_url(experiment)).content.decode()
