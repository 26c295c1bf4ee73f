import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from experiments.models import (
    Burst,
    Experiment,
    GoalRollup,
    Guardrail,
    Interaction,
    SecondaryMetric,
)
from tests import factories
from tests.experiments.services.counted_experiments import count


def report_url(experiment):
    return reverse("admin:experiments_experiment_report", args=[experiment.pk])


def test_report_page_shows_the_library_test(admin_client, site):
    page = admin_client.get(report_url(factories.make_library_experiment(site))).content.decode()
    assert "Chi-squared 96.743 on 4 degrees of freedom" in page
    for text in ("0.408%", "1.933%", "0.764%", "1.195%", "2.180%"):
        assert text in page
    for text in ("2.3e-16", "0.0169", "9.1e-07", "6.4e-18", "Sample-ratio mismatch"):
        assert text in page


def test_report_page_is_empty_but_whole_before_the_first_visitor(admin_client, running_experiment):
    response = admin_client.get(report_url(running_experiment))
    assert response.status_code == 200
    assert "An arm has no visitors." in response.content.decode()


def test_report_page_shows_both_readings_where_the_past_is_used(admin_client, running_experiment):
    for variant, clicks in zip(
        running_experiment.variants.order_by("arm"), (300, 380), strict=True
    ):
        past = {"covariate_sum": 400, "covariate_sum_squares": 400, "covariate_product_sum": 150}
        factories.make_rollup(variant, visitors=2_000, clicks=clicks, **past)
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "(CUPED), which explains" in page
    assert "Without the adjustment" in page
    assert "differed before the first exposure (p" not in page


def test_report_page_shows_what_helps_to_read_it(admin_client, running_experiment):
    counts = {"": ((400, 15), (400, 40)), "device=mobile": ((300, 10), (300, 30))}
    for segment, arms in counts.items():
        for variant, (visitors, clicks) in zip(
            running_experiment.variants.order_by("arm"), arms, strict=True
        ):
            factories.make_rollup(variant, visitors=visitors, clicks=clicks, segment=segment)
    page = admin_client.get(report_url(running_experiment)).content.decode()
    for text in ("Few clicks: exact tests", "Boschloo", "What to expect", "Device: hero-test b"):
        assert text in page
    assert "experiments: 0 finished ones on this metric can be used, but 20 are needed" in page
    assert "{{" not in page


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("and a weak prior", "Crossed on", "true lifts rarely exceed 50%")),
        ("fr", ("une loi a priori faible", "Borne franchie le", "dépassent rarement 50")),
    ],
)
def test_report_page_labels_the_lift_to_expect_of_a_sequential_winner(
    admin_client, running_experiment, language, texts
):
    for variant, clicks in zip(
        running_experiment.variants.order_by("arm"), (500, 700), strict=True
    ):
        factories.make_rollup(variant, visitors=10_000, clicks=clicks)
    url = report_url(running_experiment)
    page = admin_client.get(url, headers={"accept-language": language}).content.decode()
    assert [text for text in texts if text not in page] == []


@pytest.mark.parametrize(("clicks", "n_framed"), [(700, 1), (480, 0)])
def test_only_a_winner_is_framed(admin_client, slot, clicks, n_framed):
    started_at = timezone.now() - timedelta(days=10)
    experiment = factories.make_running_experiment(slot, started_at=started_at)
    count(experiment, (10_000, 500), (10_000, clicks), day=timezone.now().date())
    page = admin_client.get(report_url(experiment)).content.decode()
    assert page.count("cta-wording-featured") == n_framed


def test_report_page_counts_who_is_left_out_by_the_reason(admin_client, running_experiment):
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "Left out: bots, internal traffic" in page
    arm = running_experiment.variants.first()
    factories.make_rollup(
        arm, visitors=86, bot_visitors=7, impossible_visitors=3, unexplained_visitors=4
    )
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "Left out: bots</dt>" in page
    assert "<dd>7 (7.00" in page
    assert "Identified as crawlers" in page
    assert "<dd>3 (3.00" in page
    assert "Left out: arm that nobody gave them</dt>" in page
    assert "<dd>4 (4.00" in page
    assert "A click more than 10 minutes before" in page
    assert "internal traffic" not in page


def test_report_page_names_a_burst(admin_client, running_experiment):
    for variant in running_experiment.variants.all():
        factories.make_rollup(variant, visitors=2_000, clicks=200)
    Burst.objects.create(
        experiment=running_experiment, day=factories.NOW.date(), first_at=factories.NOW,
        last_at=factories.NOW, n_senders=2, visitors=61, all_visitors=100,
    )  # fmt: skip
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "Burst of few senders" in page
    assert "came from 2 senders in 1 min." in page
    answer = admin_client.get(f"/api/v1/experiments/{running_experiment.key}/report/").json()
    assert (answer["bursts"][0]["visitors"], answer["bursts"][0]["n_senders"]) == (61, 2)


def test_report_page_shows_the_site_prior_with_its_source(admin_client, slot, running_experiment):
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": factories.NOW}
    pasts = [factories.make_running_experiment(slot, f"past-{n}", **ended) for n in range(20)]
    for number, experiment in enumerate((*pasts, running_experiment)):
        for arm, variant in enumerate(experiment.variants.order_by("arm")):
            clicks = 1_000 + arm * (number - 10) * 20
            factories.make_rollup(variant, visitors=10_000, clicks=clicks)
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "is fitted to 20 lifts of 20 finished experiments" in page
    assert "Lift, site" in page


def test_report_page_of_a_draft_shows_what_its_slot_can_find(admin_client, slot):
    past = factories.make_running_experiment(slot)
    draft = factories.make_experiment(slot, "next")
    yesterday = timezone.now().date() - timedelta(days=1)
    for variant in past.variants.all():
        factories.make_rollup(variant, visitors=500, clicks=25, day=yesterday)
    page = admin_client.get(report_url(draft)).content.decode()
    assert "about 1,000 visitors a day" in page
    assert "their rate was 5.00%" in page
    assert "Fixed horizon" in page


def test_report_page_shows_its_guardrails(admin_client, running_experiment):
    Guardrail.objects.create(
        experiment=running_experiment, metric="conversion_rate", goal="order", margin=0.03
    )
    for variant in running_experiment.variants.all():
        factories.make_rollup(variant, visitors=5_000, clicks=250)
    page = admin_client.get(report_url(running_experiment)).content.decode()
    for text in ("Conversion rate order", "3.0%", "not yet excluded", "at every look"):
        assert text in page


def test_report_page_costs_a_fixed_number_of_queries(admin_client, site, django_assert_num_queries):
    experiment = factories.make_library_experiment(site)
    with django_assert_num_queries(24):
        admin_client.get(report_url(experiment))


def test_report_page_is_closed_to_a_stranger(client, stranger, running_experiment):
    client.force_login(stranger)
    assert client.get(report_url(running_experiment)).status_code == 302


def test_report_page_of_nothing_is_not_found(admin_client):
    url = reverse("admin:experiments_experiment_report", args=[404])
    assert admin_client.get(url).status_code == 404


def test_report_page_shows_its_secondary_metrics(admin_client, running_experiment):
    for metric, goal in (("conversion_rate", "order"), ("value_per_visitor", "order")):
        SecondaryMetric.objects.create(experiment=running_experiment, metric=metric, goal=goal)
    for variant, orders in zip(
        running_experiment.variants.order_by("arm"), (100, 300), strict=True
    ):
        factories.make_rollup(variant, visitors=5_000, clicks=250)
        GoalRollup.objects.create(
            experiment=running_experiment,
            variant=variant,
            day=factories.NOW.date() - timedelta(days=1),
            goal="order",
            converting_visitors=orders,
            value_sum=orders,
            value_sum_squares=orders,
        )
    page = admin_client.get(report_url(running_experiment)).content.decode()
    for text in ("Secondary metrics", "Conversion rate order", "2.000%", "6.000%", "found"):
        assert text in page
    assert "0.020" in page


def test_report_page_is_in_the_time_zone_of_its_site(admin_client, running_experiment):
    factories.set_zone(running_experiment.slot, "Pacific/Auckland")
    started = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)
    Experiment.objects.update(started_at=started)
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "16 Nov 2026" in page
    assert "Pacific/Auckland" in page


def test_hint_of_weekdays_says_where_its_days_begin(admin_client, running_experiment):
    factories.set_zone(running_experiment.slot, "Pacific/Auckland")
    Experiment.objects.update(days_in="UTC")
    control, b = running_experiment.variants.order_by("arm")
    for ago in range(1, 15):
        day = factories.NOW.date() - timedelta(days=ago)
        clicks = 300 if day.weekday() > 4 else 100
        factories.make_rollup(control, visitors=1_000, clicks=100, day=day)
        factories.make_rollup(b, visitors=1_000, clicks=clicks, day=day)
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "It differs between weekdays" in page
    # At 12:00 or 13:00 by the season.
    assert re.search("Days are counted in UTC: here each begins at (12:00|13:00)", page)
    assert "Its days stay those of UTC." in page
    factories.set_zone(running_experiment.slot, "Africa/Abidjan")
    page = admin_client.get(report_url(running_experiment)).content.decode()
    assert "Days are counted in UTC" not in page
    assert "Its days stay those of UTC." in page
    factories.set_zone(running_experiment.slot, "UTC")
    assert "Its days stay" not in admin_client.get(report_url(running_experiment)).content.decode()


def test_report_page_warns_of_an_interaction(admin_client, running_experiment):
    footer = factories.make_slot(running_experiment.slot.site, "footer")
    other = factories.make_running_experiment(footer, "footer-test")
    Interaction.objects.create(
        experiment=running_experiment,
        arm=running_experiment.variants.get(key="b"),
        other_arm=other.variants.get(key="b"),
        factor=1.6,
        p_value=0.001,
        visitors=12_000,
        checked_at=factories.NOW,
    )
    for experiment in (running_experiment, other):
        page = admin_client.get(report_url(experiment)).content.decode()
        assert "Another experiment changes a lift" in page
        assert "1.60 times that of the other visitors" in page


def test_report_says_which_test_goes_first(admin_client, slot):
    factories.make_running_experiment(slot, "everybody")
    phones = factories.make_audience(slot.site, "phones", {"device": "mobile"})
    draft = factories.make_experiment(slot, "draft", audience=phones)
    page = admin_client.get(f"/admin/experiments/experiment/{draft.pk}/report/").content.decode()
    assert "its visitors leave “everybody”, which keeps the others." in page
    said = admin_client.get("/api/v1/experiments/draft/readiness/").json()["meetings"]
    assert said == admin_client.get("/api/v1/experiments/draft/report/").json()["meetings"]
    assert len(said) == 1
