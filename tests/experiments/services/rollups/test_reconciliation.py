"""The nightly comparison finds what is wrong with the rollups, and nothing where nothing is."""

import logging

import pytest

from experiments.models import Experiment, GoalRollup, Guardrail, Rollup, VisitorOutcome
from experiments.services.rollups.folding import fold_pending, rebuild_rollups
from experiments.services.rollups.reconciliation import check_experiment, check_rollups
from experiments.services.serving.snapshot import build_snapshot
from experiments.tasks import compare_rollups
from tests import factories
from tests.factories import NOW, event_message
from tests.intake import ingest

pytestmark = pytest.mark.on_both_databases


@pytest.fixture
def counted(running_experiment):
    """Three visitors of the experiment, one with a conversion to a guardrail's goal, counted."""
    goal = {"metric": "value_per_visitor", "goal": "newsletter"}
    Guardrail.objects.create(experiment=running_experiment, **goal)
    send(*(event_message(visitor=f"v-{n}", attributes={"device": "mobile"}) for n in range(3)))
    send(event_message("click"), event_message("conversion", goal="newsletter", value=0.1))
    fold_pending()
    return running_experiment


def send(*messages):
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    assert ingest(site=site, items=messages, now=NOW).rejected == ()


def differing(experiment):
    return check_experiment(experiment=experiment, now=NOW).n_differing


def test_rollups_as_they_were_folded_are_confirmed(counted):
    assert differing(counted) == 0
    assert (counted.rollup_check.checked_at, check_rollups(now=NOW)) == (NOW, [])


TAMPERED = {
    "a count": lambda: Rollup.objects.filter(segment="").update(visitors=7),
    "a sum": lambda: GoalRollup.objects.update(value_sum=9),
    "a row too few": lambda: Rollup.objects.filter(segment="device=mobile").delete(),
    "a row too many": lambda: factories.make_rollup(
        Rollup.objects.first().variant, visitors=1, segment="device=tablet"
    ),
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_one_row_that_is_wrong_raises_the_alarm(counted, tamper):
    tamper()
    assert [check.n_differing for check in check_rollups(now=NOW)] == [1]


def test_rebuild_ends_the_alarm(counted):
    Rollup.objects.update(visitors=7)
    assert differing(counted) == 2
    rebuild_rollups(experiment=counted)
    counted.rollup_check.refresh_from_db()
    assert counted.rollup_check.n_differing == 0
    assert differing(counted) == 0


def test_events_that_wait_are_no_difference(counted):
    send(event_message("click", visitor="v-2"), event_message(visitor="v-9"))
    assert differing(counted) == 0
    fold_pending()
    assert differing(counted) == 0


def test_visitor_whose_events_were_dropped_counts_as_booked(counted):
    VisitorOutcome.objects.filter(visitor="v-1").update(is_settled=True)
    counted.events.filter(visitor="v-1").delete()
    assert differing(counted) == 0


def test_imported_figures_are_not_checked(site):
    experiment = factories.make_library_experiment(site)
    assert check_experiment(experiment=experiment, now=NOW) is None
    assert check_rollups(now=NOW) == []


def test_experiment_that_ended_long_ago_is_not_checked(counted):
    Rollup.objects.update(visitors=7)
    stopped = {"status": Experiment.Status.STOPPED, "stopped_at": factories.STARTED}
    Experiment.objects.update(**stopped)
    assert len(check_rollups(now=NOW)) == 1
    assert check_rollups(now=NOW.replace(year=2027)) == []


def test_task_says_which_experiment_is_wrong(counted, caplog):
    Rollup.objects.filter(segment="").update(visitors=7)
    with caplog.at_level(logging.ERROR):
        compare_rollups()
    assert "experiment hero-test: 1 rows of rollups" in caplog.text


def test_alarm_is_shown_where_decisions_are_made(counted, admin_client):
    pages = ("/admin/", f"/admin/experiments/experiment/{counted.pk}/report/")
    sentence = "Rollups do not match the raw events"
    assert not any(sentence in admin_client.get(page).text for page in pages)
    Rollup.objects.filter(segment="").update(visitors=7)
    differing(counted)
    assert all(sentence in admin_client.get(page).text for page in pages)
    assert "1 rollup row differed" in admin_client.get(pages[1]).text
