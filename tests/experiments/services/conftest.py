from pathlib import Path

import pytest

from tests import factories
from tests.factories import NOW


@pytest.fixture
def data_dir(settings, tmp_path):
    """A data folder with a predictor, a cache, a checkpoint and a message of the queue."""
    folder = tmp_path / "data"
    files = ("models/v1/manifest.json", "models/embeddings-1.safetensors")
    for name in (*files, "models/unfinished/k/step.safetensors", "broker/queue/1.celery.msg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    settings.DATA_DIR = folder
    settings.CTAOPT_MODEL_DIR = folder / "models"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_in": str(folder / "broker/queue")}
    return folder


@pytest.fixture
def installation(real_database, data_dir):
    """A database that others may write to, with an experiment and an event."""
    experiment = factories.make_running_experiment(factories.make_slot(factories.make_site()))
    factories.make_event(experiment.variants.get(key="b"), at=NOW)
    return data_dir


@pytest.fixture
def backups(tmp_path) -> Path:
    return tmp_path / "backups"
