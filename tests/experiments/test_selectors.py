from datetime import timedelta

import pytest

from experiments.models import Experiment
from experiments.selectors import catalogue, lifecycle, reports
from tests import factories
from tests.factories import NOW, STARTED


@pytest.mark.parametrize(
    ("status", "locked"),
    [("draft", 0), ("running", 1), ("paused", 1), ("stopped", 1), ("archived", 1)],
)
def test_cta_is_locked_once_an_experiment_has_shown_it(slot, status, locked):
    stamps = {} if status == "draft" else {"started_at": STARTED}
    stamps |= {"stopped_at": NOW} if status in {"stopped", "archived"} else {}
    experiment = factories.make_experiment(slot, status=status, **stamps)
    cta = experiment.variants.get(arm=1).cta
    assert catalogue.experiments_showing(cta).count() == locked
    assert not catalogue.experiments_showing(slot.default_cta).exists()


def test_experiment_with_a_cta_in_two_arms_is_named_once(running_experiment):
    cta = running_experiment.variants.get(arm=0).cta
    running_experiment.variants.update(cta=cta)
    assert list(catalogue.experiments_showing(cta)) == [running_experiment]


def test_sites_are_kept_apart(running_experiment, other_site):
    site = running_experiment.slot.site
    factories.make_audience(site)
    for select in (
        catalogue.ctas_of,
        catalogue.audiences_of,
        catalogue.slots_of,
        reports.experiments_for_report,
    ):
        assert select(site=site).exists()
        assert not select(site=other_site).exists()


def test_rivals_are_live_on_the_same_slot_and_audience(slot):
    experiment = factories.make_experiment(slot)
    rival = factories.make_running_experiment(slot, "rival")
    audience = factories.make_audience(slot.site)
    factories.make_running_experiment(slot, "other-audience", audience=audience)
    assert list(lifecycle.live_rivals(experiment)) == [rival]
    Experiment.objects.update(
        status="stopped", started_at=STARTED, stopped_at=STARTED + timedelta(days=1)
    )
    assert not lifecycle.live_rivals(experiment).exists()
