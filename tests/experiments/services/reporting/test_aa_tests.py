from datetime import timedelta

import pytest

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.reporting.aa_tests import is_aa_test
from experiments.services.reporting.full_report import full_report
from tests import factories
from tests.factories import NOW


def make_aa_test(slot, key="aa", *, counts=(), **changes):
    """An experiment whose arms show one CTA; counts are (visitors, clicks) of each arm."""
    state = {"started_at": NOW - timedelta(days=20)} | changes
    experiment = factories.make_running_experiment(slot, key, **state)
    same = experiment.variants.get(arm=0).cta
    experiment.variants.update(cta=same)
    for variant, (visitors, clicks) in zip(
        experiment.variants.order_by("arm"), counts, strict=False
    ):
        factories.make_rollup(variant, visitors=visitors, clicks=clicks)
    return reports.experiments_for_report().get(pk=experiment.pk)


def verdict(experiment):
    return full_report(experiment=experiment, now=NOW).verdict


def test_experiment_with_one_cta_in_all_arms_is_an_aa_test(slot):
    assert is_aa_test(make_aa_test(slot))


def test_experiment_with_different_ctas_is_none(running_experiment):
    assert not is_aa_test(running_experiment)


def test_aa_test_without_a_difference_raises_no_alarm(slot):
    found = verdict(make_aa_test(slot, counts=((10_000, 500), (10_000, 510))))
    assert found.title == "A/A test: no alarm."


def test_aa_test_with_a_difference_raises_an_alarm_and_never_ships(slot):
    found = verdict(make_aa_test(slot, counts=((10_000, 500), (10_000, 700))))
    assert found.status == "invalid"
    assert found.title == "A/A test: an alarm."


def test_aa_test_with_a_broken_split_says_that_first(slot):
    found = verdict(make_aa_test(slot, counts=((10_000, 500), (9_000, 450))))
    assert "Sample-ratio mismatch" in found.sentences[0]


@pytest.mark.parametrize(
    ("clicks", "words"),
    [(500, "The set-up is healthy."), (600, "Find the fault before you trust any test.")],
    ids=["healthy", "at fault"],
)
def test_finished_aa_tests_of_the_site_are_judged_together(slot, clicks, words):
    stopped = {"status": Experiment.Status.STOPPED, "stopped_at": NOW - timedelta(days=1)}
    for number in range(20):
        # Healthy tests scatter about no difference; the others all lean one way.
        counts = ((10_000, 500), (10_000, clicks + number - 10))
        make_aa_test(slot, f"past-{number}", counts=counts, **stopped)
    found = verdict(make_aa_test(slot, counts=((10_000, 500), (10_000, 505))))
    assert found.sentences[-1].endswith(words)
