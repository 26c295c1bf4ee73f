from datetime import timedelta

from experiments.models import Experiment
from experiments.selectors import lifecycle
from tests import factories
from tests.factories import STARTED


def test_rivals_are_live_on_the_same_slot(slot):
    experiment = factories.make_experiment(slot)
    rival = factories.make_running_experiment(slot, "rival")
    factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "elsewhere")
    assert list(lifecycle.live_rivals(experiment)) == [rival]
    assert not lifecycle.live_in_namespace(experiment).exists()
    Experiment.objects.update(
        status="stopped", started_at=STARTED, stopped_at=STARTED + timedelta(days=1)
    )
    assert not lifecycle.live_rivals(experiment).exists()
