import pickle
import shutil

import pytest
from django.utils import timezone

from ml.models import PredictorVersion
from ml.registry import promote_version, register_version
from tests.databases import made_once
from tests.missing import leave_out
from tests.ml.stored_predictor import TINY_ENCODER, make_predictor


@pytest.fixture(scope="session")
def upworthy_csv(shared_dir):
    """The Upworthy Research Archive; a test that reads it is marked `needs_shared`."""
    path = shared_dir / "data/upworthy/history.csv.gz"
    if not path.exists():
        leave_out(f"{path} is absent")
    return path


@pytest.fixture
def model_dir(settings, tmp_path):
    """An empty folder of predictors, and the tiny encoder configured."""
    settings.CTAOPT_MODEL_DIR = tmp_path / "models"
    settings.CTAOPT_ENCODER = str(TINY_ENCODER)
    settings.CTAOPT_ENCODER_DIR = tmp_path / "encoders"
    return settings.CTAOPT_MODEL_DIR


@pytest.fixture(scope="session")
def stored_predictor(tmp_path_factory):
    """Folder and manifest of a predictor trained on simulated English tests."""
    made = made_once("predictor", make_predictor)
    folder = tmp_path_factory.mktemp("stored") / "p1"
    shutil.copytree(made / "p1", folder)
    return folder, pickle.loads((made / "result").read_bytes())  # noqa: S301  our own


@pytest.fixture
def without_fast_copies(monkeypatch):
    """Trainings store no student and no int8 copy, whose making is most of their time."""
    monkeypatch.setattr("ml.training.pipeline.add_fast_parts", lambda artifact, *_, **__: artifact)


@pytest.fixture
def add_version(db, model_dir, stored_predictor):
    """Register and promote one more copy of the stored predictor."""

    def add():
        folder, result = stored_predictor
        name = f"copy{PredictorVersion.objects.count()}"
        shutil.copytree(folder, model_dir / name)
        version = register_version(
            strategy=result.served, artifact=name, manifest=result.manifest, now=timezone.now()
        )
        promote_version(number=version.number)
        version.refresh_from_db()
        return version

    return add


@pytest.fixture
def active(add_version):
    """Predictor 1, in use."""
    return add_version()


@pytest.fixture
def damage(model_dir):
    """Cut a file of a version short."""

    def cut(version, name="past.json"):
        path = model_dir / version.artifact / name
        path.write_text(path.read_text()[:-20])

    return cut
