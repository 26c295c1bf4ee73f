import pytest

from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW


@pytest.fixture
def served(running_experiment):
    """The shop as serving and ingestion see it, with its running experiment."""
    site = running_experiment.slot.site
    return build_snapshot(revision=1, now=NOW).client_keys[site.client_key]
