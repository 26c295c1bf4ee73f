"""One assembled report: what page, JSON and list present is the same, and computed once."""

from dataclasses import fields
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from experiments.models import Experiment, Guardrail
from experiments.selectors import reports
from experiments.services.analysis.report import Report
from experiments.services.insights import lift_estimates
from experiments.services.reporting.full_report import full_report, summaries
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)
THREE = {"control": "0.3334", "b": "0.3333", "c": "0.3333"}


def running(slot, key="hero-test", **changes):
    values = {"started_at": NOW - 10 * DAY, "planned_visitors": 20_000}
    return factories.make_running_experiment(slot, key, **(values | changes))


def finish_others(site, n=25):
    """Finished experiments of the site, enough for a prior on its lifts."""
    for number in range(n):
        slot = factories.make_slot(site, f"old-{number}")
        state = {"status": Experiment.Status.STOPPED, "stopped_at": NOW - 20 * DAY}
        state["started_at"] = NOW - 40 * DAY
        old = factories.make_experiment(slot, f"old-{number}", **state)
        count(old, (9_000, 900), (9_000, 880 + 5 * number), day=NOW.date() - 30 * DAY)


def listed():
    return summaries(reports.live_experiments(), now=NOW)


@pytest.mark.parametrize(
    ("shares", "counts"),
    [
        (None, ((10_000, 500), (10_000, 700))),
        (None, ((6_000, 300), (6_000, 600))),
        (None, ((10**9, 10**8), (10**9, 10**8 + 300_000))),
        (THREE, ((10_000, 500), (10_000, 800), (10_000, 790))),
        (None, ((5_000, 500), (5_000, 510))),
        (None, ((5_000, 500), (6_000, 510))),
    ],
    ids=["winner", "suspicious", "tiny", "runner-up", "open", "mismatch"],
)
@pytest.mark.parametrize("has_prior", [False, True])
def test_list_and_page_give_the_same_verdict(slot, shares, counts, has_prior):
    experiment = running(slot, shares=shares)
    Guardrail.objects.create(experiment=experiment, metric="click_rate")
    count(experiment, *counts, day=NOW.date() - 9 * DAY)
    for ago in range(9):
        count(experiment, *[(100, 5) for _ in counts], day=NOW.date() - ago * DAY)
    if has_prior:
        finish_others(slot.site)
    full, (line,) = concluded(experiment), listed()
    assert (full.insights.prior.prior is not None) == has_prior
    assert (line.decision, line.verdict) == (full.decision, full.verdict)


def test_report_and_page_that_ends_a_test_show_the_same_cautions(slot, admin_client):
    experiment = running(slot, shares=THREE)
    count(experiment, (10_000, 500), (10_000, 800), (10_000, 790))
    cautions = concluded(experiment).verdict.cautions
    assert len(cautions) >= 2
    page = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    with time_machine.travel(NOW, tick=False):
        for url in (page, reverse("admin:experiments_experiment_end", args=[experiment.pk])):
            content = admin_client.get(url).content.decode()
            assert [caution for caution in cautions if caution not in content] == []


def test_lifts_are_estimated_once(slot, monkeypatch):
    experiment = running(slot, planned_visitors=None)
    count(experiment, (5_000, 500), (5_000, 600), day=NOW.date() - DAY)
    calls, estimate = [], lift_estimates.lift_estimates
    monkeypatch.setattr(
        lift_estimates, "lift_estimates", lambda values: calls.append(values) or estimate(values)
    )
    assert concluded(experiment).insights.time_left.power is not None
    assert len(calls) == 1


def test_report_is_a_value():
    assert "counts" not in {field.name for field in fields(Report)}


def test_full_report_costs_eight_queries(slot, django_assert_num_queries):
    """Rollups, segments (two), annotations, other experiments, interactions with them, bursts."""
    experiment = running(slot)
    count(experiment, (5_000, 500), (5_000, 600), day=NOW.date())
    experiment = reports.experiments_for_report().get(pk=experiment.pk)
    with django_assert_num_queries(8):
        full_report(experiment=experiment, now=NOW)


@pytest.mark.parametrize("n", [1, 4])
def test_list_costs_the_same_for_any_number_of_experiments(slot, n, django_assert_num_queries):
    for number in range(n):
        other = factories.make_slot(slot.site, f"slot-{number}")
        count(running(other, f"test-{number}"), (5_000, 500), (5_000, 510), day=NOW.date())
    experiments = list(reports.live_experiments())
    with django_assert_num_queries(0):
        summaries(experiments, now=NOW)


def test_list_fits_the_prior_of_its_winners_once(slot, django_assert_num_queries):
    for number in range(3):
        other = factories.make_slot(slot.site, f"slot-{number}")
        experiment = running(other, f"test-{number}")
        count(experiment, (10_000, 500), (10_000, 700), day=NOW.date())
    experiments = list(reports.live_experiments())
    with django_assert_num_queries(1):
        lines = summaries(experiments, now=NOW)
    assert {line.verdict.status for line in lines} == {"ship"}


def test_silent_aa_test_says_so(slot):
    experiment = running(slot)
    experiment.variants.update(cta=experiment.variants.get(arm=0).cta)
    count(experiment, (5_000, 500), (5_000, 510), day=NOW.date() - 3 * DAY)
    verdict = concluded(experiment).verdict
    assert verdict.title == "A/A test: no alarm."
    assert "is the page still up?" in verdict.sentences[-1]
