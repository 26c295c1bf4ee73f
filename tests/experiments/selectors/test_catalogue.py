import pytest

from experiments.selectors import catalogue
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
