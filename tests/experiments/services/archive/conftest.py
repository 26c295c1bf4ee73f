import pytest

from experiments.models import Decision, Experiment, HistoryArm
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW, STARTED


def finish(slot, key, *counts, outcome=None, **changes):
    """A stopped experiment with (visitors, clicks) of control and b, decided if told so."""
    state = {"status": Experiment.Status.STOPPED, "started_at": STARTED, "stopped_at": NOW}
    experiment = factories.make_experiment(slot, key, **(state | changes))
    count(experiment, *counts)
    if outcome is not None:
        arm = experiment.variants.get(key="b")
        Decision.objects.create(
            experiment=experiment,
            outcome=outcome,
            winner=arm if outcome == "winner" else None,
            compared=arm,
            decided_at=NOW,
        )
    return experiment


def import_test(site, name, *arms, **changes):
    """Past wordings of one imported test: (text, visitors, clicks) each."""
    for text, visitors, clicks in arms:
        HistoryArm.objects.create(
            site=site,
            test=name,
            text=text,
            visitors=visitors,
            clicks=clicks,
            digest=f"{name}:{text}",
            **({"locale": "en"} | changes),
        )


@pytest.fixture
def won(slot):
    """A finished test in which b did far better, and was declared the winner."""
    return finish(slot, "won", (1_000, 60), (1_000, 150), outcome="winner")
