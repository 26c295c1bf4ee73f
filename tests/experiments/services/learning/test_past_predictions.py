from datetime import timedelta

import pytest

from experiments.models import Experiment, Job, PastTest, Site
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.learning.past_predictions import drift_of, past_predictions
from tests import factories
from tests.factories import NOW, STARTED

CONTROL = "hero-test control"


def ranked(site, *, at=STARTED - timedelta(days=1), control=CONTROL, slot=None, **chances):
    """A ranking that gave the test's wordings these chances against the control."""
    rows = [{"text": control, "is_control": True, "chance": None}]
    rows += [
        {"text": f"hero-test {arm}", "is_control": False, "chance": chance}
        for arm, chance in chances.items()
    ]
    return Job.objects.create(
        kind="ranking", status="done", site=site, created_at=at, heartbeat_at=at, language="en",
        request={"control": control, "slot_pk": slot.pk if slot else None},
        result={"wordings": rows},
    )  # fmt: skip


@pytest.fixture
def finished(slot):
    """A finished test in which b won against the control, and c lost."""
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": NOW}
    experiment = factories.make_running_experiment(slot, shares=shares, **ended)
    for arm, (visitors, clicks) in enumerate(((1_000, 100), (750, 120), (750, 45))):
        factories.make_rollup(experiment.variants.get(arm=arm), visitors=visitors, clicks=clicks)
    keep_past_tests(now=NOW)
    assert not PastTest.objects.get().suspect
    return experiment


def predictions():
    return past_predictions(sites=Site.objects.all())


def test_wording_that_was_liked_best_is_compared_with_its_result(finished):
    ranked(finished.slot.site, b=0.7, c=0.6)
    (one,) = predictions()
    assert (one.text, one.chance, one.is_for, one.came_true) == ("hero-test b", 0.7, True, True)
    assert one.experiment == finished


def test_prediction_of_a_worse_wording_comes_true_when_it_loses(finished):
    ranked(finished.slot.site, c=0.2)
    (one,) = predictions()
    assert (one.chance, one.is_for, one.came_true) == (0.8, False, True)


def test_wrong_prediction_is_counted_as_wrong(finished):
    ranked(finished.slot.site, c=0.9)
    found = drift_of(predictions())
    assert (found.n, found.right, found.expected) == (1, 0, 0.9)


def test_last_ranking_before_the_start_counts(finished):
    site = finished.slot.site
    ranked(site, at=STARTED - timedelta(days=5), b=0.9)
    ranked(site, at=STARTED - timedelta(days=2), b=0.6)
    # It knew the test, or its first visitors.
    ranked(site, at=STARTED + timedelta(minutes=1), b=0.99)
    assert [one.chance for one in predictions()] == [0.6]


def test_ranking_of_something_else_is_no_prediction(finished):
    site = finished.slot.site
    ranked(site, control="Another", b=0.9)
    ranked(site, slot=factories.make_slot(site, "footer"), b=0.9)
    ranked(factories.make_site("other"), b=0.9)
    ranked(site, d=0.9)
    ranked(site, b=None)
    assert predictions() == []


def test_tests_that_cannot_be_trusted_are_left_out(finished):
    ranked(finished.slot.site, b=0.7)
    PastTest.objects.update(suspect=True)
    assert predictions() == []


def test_only_the_latest_are_returned(finished):
    ranked(finished.slot.site, b=0.7)
    assert past_predictions(sites=Site.objects.all(), most=0) == []
